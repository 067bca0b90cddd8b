// What the Console needs of the page: where its built files lie. Everything else of this package runs in browsers.

/** The folder of the built page: `index.html` and hashed `assets/`. Exists after `npm run build -w @dockledger/web`. */
export const webFilesUrl: URL = new URL('../dist/', import.meta.url);
