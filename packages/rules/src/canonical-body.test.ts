import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BodyRefusalCode, canonicaliseBody, isFormContentType, refuseFormBody } from './canonical-body.ts';

const decode = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
const toUtf8 = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8', start, end);
const read = (action: string, text: string | Uint8Array) =>
  canonicaliseBody(action, typeof text === 'string' ? Buffer.from(text) : text, { decode, decodeUtf8: toUtf8 });
const create = (text: string | Uint8Array) => read('container_create', text);
function value(text: string): unknown {
  const body = create(text);
  if (body.kind !== 'body') throw new Error(body.reason);
  expect(JSON.parse(body.text)).toEqual(JSON.parse(JSON.stringify(body.value)));
  return JSON.parse(body.text);
}

describe('canonicaliseBody of a create', () => {
  it('keeps what the docker CLI sends', () => {
    const sent = {
      Hostname: '',
      AttachStdout: true,
      Env: ['A=b'],
      Cmd: ['sh', '-c', 'echo "hi" é 😀'],
      Image: 'alpine',
      Labels: { 'com.Example': 'x', 'com.example': 'y' },
      Volumes: {},
      HostConfig: { Binds: ['/srv:/srv:ro'], Memory: 0, PidsLimit: -1, MaskedPaths: [], ConsoleSize: [0, 0] },
      NetworkingConfig: { EndpointsConfig: { web: { Aliases: ['a'] } } },
    };
    expect(value(JSON.stringify(sent))).toEqual(sent);
  });

  it('spells keys as the API does, however they came (T-21, T-22, T-23)', () => {
    const expected = { Image: 'a', HostConfig: { Privileged: true, NetworkMode: 'host' } };
    expect(value('{"image":"a","hostconfig":{"privileged":true,"networkmode":"host"}}')).toEqual(expected);
    expect(value('{"IMAGE":"a","Ho\u017ftConfig":{"PRIVILEGED":true,"Networ\u212aMode":"host"}}')).toEqual(expected);
    expect(
      value('{"Image":"a","Ho\\u017ftConfig":{"\\u0050rivileged":true,"Networ\\u212aMode":"\\u0068ost"}}'),
    ).toEqual(expected);
  });

  it('reads one text as a list of one where the engine does', () => {
    expect(value('{"Cmd":"sh","HostConfig":{"CapAdd":"ALL"}}')).toEqual({
      Cmd: ['sh'],
      HostConfig: { CapAdd: ['ALL'] },
    });
  });

  it('treats null as absent, but tells an empty list from null (T-42)', () => {
    expect(value('{"Image":"a","HostConfig":{"MaskedPaths":null,"ReadonlyPaths":[],"Init":null}}')).toEqual({
      Image: 'a',
      HostConfig: { ReadonlyPaths: [] },
    });
  });

  it('keeps 64-bit numbers exactly', () => {
    const body = create('{"HostConfig":{"Memory":9223372036854775807,"MemorySwap":-1}}');
    expect(body).toMatchObject({ text: '{"HostConfig":{"Memory":9223372036854775807,"MemorySwap":-1}}' });
  });

  it('keeps and names a key that it does not know', () => {
    expect(create('{"Image":"a","HostConfig":{"Shiny":{"New":1}}}')).toMatchObject({
      text: '{"Image":"a","HostConfig":{"Shiny":{"New":1}}}',
      unknownKeys: ['HostConfig.Shiny'],
    });
  });

  it('drops empty HostConfig fields at the top level, which old clients send', () => {
    expect(value('{"Image":"a","VolumesFrom":[],"Memory":0,"Dns":null,"CpuShares":0,"LogConfig":{"Type":""}}')).toEqual(
      {
        Image: 'a',
        HostConfig: {},
      },
    );
  });

  it('takes a key named __proto__ for a key', () => {
    const body = create('{"Image":"a","Labels":{"__proto__":"x"},"__proto__":{"Privileged":true}}');
    expect(body).toMatchObject({ text: '{"Image":"a","Labels":{"__proto__":"x"},"__proto__":{"Privileged":true}}' });
  });

  const refusals: readonly (readonly [string, BodyRefusalCode, string])[] = [
    ['T-20 Privileged at the top level', 'legacy-host-config', '{"Image":"a","Privileged":true}'],
    [
      'T-20 Binds at the top level, no HostConfig',
      'legacy-host-config',
      '{"Image":"a","HostConfig":null,"Binds":["/:/host"]}',
    ],
    ['T-20 Memory beside an empty HostConfig', 'legacy-host-config', '{"Image":"a","HostConfig":{},"Memory":8000000}'],
    ['T-20 Cpuset', 'legacy-host-config', '{"Image":"a","cpuset":"0"}'],
    ['T-20 folded', 'legacy-host-config', '{"Image":"a","CAPADD":["ALL"]}'],
    ['T-24 true, then null', 'repeated-key', '{"HostConfig":{"Privileged":true,"Privileged":null}}'],
    ['T-25 true, then false', 'repeated-key', '{"HostConfig":{"Privileged":true,"Privileged":false}}'],
    ['T-26 two HostConfigs', 'repeated-key', '{"HostConfig":{"Privileged":true},"HostConfig":{"Memory":8000000}}'],
    ['T-26 two spellings', 'repeated-key', '{"HostConfig":{"Privileged":true},"hostconfig":{}}'],
    ['T-26 two spellings with a long s', 'repeated-key', '{"HostConfig":{"Privileged":true},"Ho\u017ftConfig":{}}'],
    ['T-26 null resets', 'repeated-key', '{"HostConfig":{"Privileged":true},"HostConfig":null}'],
    ['T-27 an unknown key twice', 'repeated-key', '{"Foo":1,"fOO":2}'],
    ['T-27 a label twice', 'repeated-key', '{"Labels":{"a":"1","a":"2"}}'],
    ['T-28 a second value', 'trailing-data', '{"HostConfig":{"Privileged":true}}{"HostConfig":{}}'],
    ['T-28 garbage behind', 'trailing-data', '{"Image":"a"} x'],
    ['T-28 a byte order mark', 'syntax', '\ufeff{"Image":"a"}'],
    ['T-28 a lone surrogate', 'encoding', '{"Image":"\\ud800"}'],
    ['T-28 two high surrogates', 'encoding', '{"Image":"\\ud800\\ud800"}'],
    ['T-29 a number for a flag', 'wrong-type', '{"HostConfig":{"Privileged":1}}'],
    ['T-29 a text for a list', 'wrong-type', '{"HostConfig":{"Binds":"/:/host"}}'],
    ['T-29 a text for a number', 'wrong-type', '{"HostConfig":{"Memory":"1g"}}'],
    ['T-29 a fraction', 'wrong-type', '{"HostConfig":{"Memory":1.0}}'],
    ['T-29 an exponent', 'wrong-type', '{"HostConfig":{"Memory":1e9}}'],
    ['T-29 beyond 64 bits', 'out-of-range', '{"HostConfig":{"Memory":9223372036854775808}}'],
    ['T-29 a list for the body', 'wrong-type', '[]'],
    ['T-29 null for the body', 'not-an-object', 'null'],
    ['T-29 depth', 'too-deep', `{"A":${'['.repeat(100)}${']'.repeat(100)}}`],
    ['T-29 many keys', 'too-many-values', `{${Array.from({ length: 100_000 }, (_, n) => `"k${n}":1`).join(',')}}`],
    ['T-30 no body', 'body-missing', ''],
    ['T-30 blanks only', 'body-missing', ' \r\n\t '],
    ['single quotes', 'syntax', "{'Image':'a'}"],
    ['a comma too many', 'syntax', '{"Image":"a",}'],
    ['a comment', 'syntax', '{/**/"Image":"a"}'],
    ['a leading zero', 'syntax', '{"HostConfig":{"Memory":01}}'],
    ['NaN', 'syntax', '{"HostConfig":{"Memory":NaN}}'],
    ['a raw line end in a text', 'syntax', '{"Image":"a\n"}'],
    ['an unknown escape', 'syntax', '{"Image":"\\x41"}'],
    ['an unfinished text', 'syntax', '{"Image":"a'],
    ['an unfinished object', 'syntax', '{"Image":"a"'],
    ['another blank', 'syntax', '{\u00a0"Image":"a"}'],
  ];
  it.each(refusals)('refuses %s as %s', (_what, code, text) => {
    expect(create(text)).toMatchObject({ kind: 'refusal', status: 400, code });
  });

  it('refuses bytes that are not UTF-8, in keys and values (T-28)', () => {
    for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xc3]]) {
      const bytes = Buffer.concat([Buffer.from('{"Labels":{"'), Buffer.from(bad), Buffer.from('":"x"}}')]);
      expect(create(bytes)).toMatchObject({ kind: 'refusal', code: 'encoding' });
    }
  });

  it('reads 4 MiB in bounded time (T-30)', () => {
    const bytes = Buffer.from(`{"Image":"a","Labels":{"x":"${'é'.repeat(1_000_000)}${'a'.repeat(2_000_000)}"}}`);
    const startedAt = performance.now();
    expect(create(bytes).kind).toBe('body');
    // Measured: 25 ms. The bound only has to tell linear from quadratic on a busy machine.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });

  it('never throws, whatever the bytes', () => {
    const token = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      '"',
      ':',
      ',',
      'null',
      'true',
      '1',
      '-',
      '.',
      'e',
      '\\u',
      '\\',
      ' ',
      '"Image"',
      '"HostConfig"',
      '\u017f',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.array(token, { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''))),
        ),
        (bytes) => {
          const result = create(bytes);
          expect(['body', 'refusal']).toContain(result.kind);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it("accepts only what JSON.parse accepts, with the same values, where JavaScript's reading is unambiguous", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        const body = read('swarm_init', `{"x":${text}}`);
        if (body.kind === 'body') expect(JSON.parse(body.text)).toEqual(JSON.parse(`{"x":${text}}`));
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('encoding tricks', () => {
  const host = fc.record(
    {
      Privileged: fc.boolean(),
      Binds: fc.array(fc.constantFrom('/:/host', 'vol:/data'), { maxLength: 2 }),
      NetworkMode: fc.constantFrom('host', 'bridge', 'container:abc'),
      CapAdd: fc.array(fc.constantFrom('ALL', 'SYS_ADMIN'), { maxLength: 2 }),
      SecurityOpt: fc.array(fc.constantFrom('seccomp=unconfined'), { maxLength: 1 }),
    },
    { requiredKeys: [] },
  );
  const plain = fc.record({ Image: fc.constant('alpine'), Cmd: fc.constant(['sh']), HostConfig: host });

  /** Writes the value with escapes, odd cases and blanks chosen by `random`, none of which change what Go reads. */
  function disguise(node: unknown, random: () => number): string {
    const blank = () => ['', ' ', '\n', '\t\r '][random() % 4];
    const letters = (word: string, isKey: boolean) =>
      Array.from(word)
        .map((letter) => {
          const roll = random() % 6;
          if (isKey && roll === 0) return letter.toLowerCase();
          if (isKey && roll === 1) return letter.toUpperCase();
          if (isKey && roll === 2 && letter.toLowerCase() === 's') return '\u017f';
          if (isKey && roll === 2 && letter.toLowerCase() === 'k') return '\\u212A';
          if (roll === 3) return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
          if (roll === 4 && letter === '/') return '\\/';
          return letter;
        })
        .join('');
    if (typeof node === 'string') return `"${letters(node, false)}"`;
    if (Array.isArray(node))
      return `[${blank()}${node.map((item) => disguise(item, random)).join(`${blank()},${blank()}`)}]`;
    if (typeof node === 'object' && node !== null) {
      const members = Object.entries(node).map(
        ([key, member]) => `"${letters(key, true)}"${blank()}:${blank()}${disguise(member, random)}`,
      );
      return `${blank()}{${blank()}${members.join(`,${blank()}`)}}${blank()}`;
    }
    return String(node);
  }

  it('never change the value that is judged', () => {
    fc.assert(
      fc.property(plain, fc.infiniteStream(fc.nat(1_000)), (body, stream) => {
        const random = () => stream.next().value ?? 0;
        const disguised = create(disguise(body, random));
        const straight = create(JSON.stringify(body));
        expect(disguised).toEqual(straight);
      }),
      { numRuns: 1_000 },
    );
  });

  it('are refused when they repeat a key in any spelling or add to the body', () => {
    fc.assert(
      fc.property(
        plain,
        fc.infiniteStream(fc.nat(1_000)),
        fc.constantFrom('null', '{}', '{"Privileged":false}'),
        (body, stream, second) => {
          const random = () => stream.next().value ?? 0;
          const first = disguise(body, random).trim();
          const again = disguise({ HostConfig: 0 }, random)
            .trim()
            .replace(/0\}\s*$/, `${second}}`)
            .slice(1);
          expect(create(`${first.slice(0, -1)},${again}`).kind).toBe('refusal');
          expect(create(`${first}${first}`).kind).toBe('refusal');
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe('canonicaliseBody of other actions', () => {
  it('takes an exec, an update and a service apart as the engine does', () => {
    expect(read('container_exec_create', '{"privileged":true,"CMD":["id"],"user":"0"}')).toMatchObject({
      text: '{"Privileged":true,"Cmd":["id"],"User":"0"}',
    });
    expect(read('container_exec_create', '{"Cmd":"id"}')).toMatchObject({
      code: 'wrong-type',
      reason: expect.stringContaining('Cmd'),
    });
    expect(
      read('container_update', '{"restartpolicy":{"name":"always"},"devices":[{"pathonhost":"/dev/sda"}]}'),
    ).toMatchObject({
      text: '{"RestartPolicy":{"Name":"always"},"Devices":[{"PathOnHost":"/dev/sda"}]}',
    });
    expect(
      read('service_create', '{"name":"s","tasktemplate":{"containerspec":{"mounts":[{"type":"bind","source":"/"}]}}}'),
    ).toMatchObject({
      text: '{"Name":"s","TaskTemplate":{"ContainerSpec":{"Mounts":[{"Type":"bind","Source":"/"}]}}}',
    });
  });

  it('refuses an empty body where the engine would act on nothing that was judged (T-30, T-34)', () => {
    for (const action of [
      'container_create',
      'container_exec_create',
      'container_update',
      'service_create',
      'swarm_init',
    ]) {
      expect(read(action, '')).toMatchObject({ kind: 'refusal', code: 'body-missing' });
    }
  });

  it('refuses a start with a body that would do something (T-35)', () => {
    expect(read('container_start', '{"Privileged":true,"Binds":["/:/host"]}')).toMatchObject({
      code: 'start-with-body',
    });
    for (const harmless of ['', '{}', 'null', '{"Binds":[],"Privileged":false}']) {
      expect(read('container_start', harmless)).toMatchObject({ kind: 'body', value: undefined });
    }
  });

  it('lets a commit and a plugin pull carry null, as the docker CLI sends it', () => {
    expect(read('container_commit', 'null\n')).toMatchObject({ kind: 'body', text: 'null' });
    expect(read('plugin_pull', 'null')).toMatchObject({ kind: 'body', text: 'null' });
  });

  it('has nothing to say about a body of a route that has no JSON', () => {
    expect(read('container_list', '{"a":')).toMatchObject({ kind: 'body', text: '' });
  });

  it('keeps null inside what it does not know', () => {
    expect(read('swarm_init', '{"a":[null,{"b":null}]}')).toMatchObject({ text: '{"a":[null,{"b":null}]}' });
  });
});

describe('form bodies (T-50)', () => {
  it.each([
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-URLencoded ; charset=x',
    'multipart/form-data; boundary=a',
  ])('knows %s', (contentType) => {
    expect(isFormContentType(contentType)).toBe(true);
  });

  it('knows what is none and has a refusal for what is', () => {
    expect(isFormContentType('application/json')).toBe(false);
    expect(isFormContentType(undefined)).toBe(false);
    expect(refuseFormBody()).toMatchObject({ kind: 'refusal', status: 400, code: 'form-body' });
  });
});
