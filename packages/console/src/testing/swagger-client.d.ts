// What our tests use of the package swagger-client, which brings no types of its own.
declare module 'swagger-client' {
  interface SwaggerAnswer {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
    readonly text: string;
  }
  interface SwaggerClient {
    execute(options: {
      readonly operationId: string;
      readonly parameters?: Readonly<Record<string, unknown>>;
      readonly requestBody?: unknown;
    }): Promise<SwaggerAnswer>;
  }
  export default function createSwaggerClient(options: {
    readonly url: string;
    readonly authorizations?: Readonly<Record<string, { readonly username: string; readonly password: string }>>;
  }): Promise<SwaggerClient>;
}
