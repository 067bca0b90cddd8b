// Turns a peer's argv into one printable line without its secrets. Redacts at the source: what is cut here is never stored.
// It would rather hide a harmless value than keep a password, so options are matched by name and values by kind.

const hidden = '***';

/** Options whose value is `NAME=secret`: the name stays, the value goes. */
const assignmentOptions = new Set(['-e', '--env', '--build-arg', '--label-secret', '--secret-env']);

/** Options whose whole value is a secret. `-p` and `-u` only where the program's own meaning makes them so. */
const secretOption =
  /^--?(?:[a-z0-9-]*(?:password|passwd|passphrase|token|secret|apikey|api-key|access-key|credential)[a-z0-9-]*)$/i;

/** Headers that carry credentials. */
const secretHeader =
  /^(?:\s*)(authorization|proxy-authorization|x-registry-auth|x-registry-config|cookie|x-auth-token)\s*:/i;

/** `https://user:password@host` */
const urlPassword = /([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]*@/gi;

/** `PASSWORD=…` standing free, as in `sudo DB_PASSWORD=x docker …` or a shell's `-c`. */
const secretAssignment =
  /\b([A-Za-z0-9_]*(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_?KEY|ACCESS_?KEY|CREDENTIAL|PRIVATE_?KEY)[A-Za-z0-9_]*)=("[^"]*"|'[^']*'|[^\s"']+)/gi;

/** Longest line that is returned, in characters. */
const lineLimit = 4096;

function hideAssigned(value: string): string {
  const equals = value.indexOf('=');
  // `-e NAME` passes a variable through by name: no secret in it.
  return equals < 0 ? value : `${value.slice(0, equals + 1)}${hidden}`;
}

function hideInside(word: string): string {
  return word.replace(urlPassword, `$1:${hidden}@`).replace(secretAssignment, `$1=${hidden}`);
}

function quote(word: string): string {
  // A shell would read these words back as they were; control characters are made visible.
  const visible = word.replace(
    /[\u0000-\u001f\u007f\u0080-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\x${(char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
  return /^[\w@%+=:,./*~-]+$/.test(visible) ? visible : `'${visible.replaceAll("'", `'\\''`)}'`;
}

/** One line of the words, secrets replaced by `***`, shell-quoted, at most 4,096 characters. */
export function redactCommandLine(argv: readonly string[]): string {
  const line = redactWords(argv, quote).join(' ');
  return line.length > lineLimit ? `${line.slice(0, lineLimit - 1)}…` : line;
}

/** A text that holds a command line, as a log has it: secrets replaced by `***`, everything else as it was. */
export function redactCommandText(text: string): string {
  return redactWords(text.split(' '), (word) => word).join(' ');
}

function redactWords(argv: readonly string[], shown: (word: string) => string): readonly string[] {
  const program = (argv[0] ?? '').split('/').at(-1) ?? '';
  const isDocker = argv.some((word) => /(?:^|\/)(?:docker|podman|nerdctl|docker-compose)$/.test(word));
  const isLogin = isDocker && argv.includes('login');
  const words: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const word = argv[index] ?? '';
    const next = argv[index + 1];
    const equals = word.startsWith('--') ? word.indexOf('=') : -1;
    const option = equals > 0 ? word.slice(0, equals) : word;
    const takesAssignment =
      assignmentOptions.has(option) || (isDocker && /^-[a-zA-Z]*e$/.test(option) && !option.startsWith('--'));
    const takesSecret =
      secretOption.test(option) ||
      (isLogin && option === '-p') ||
      (program === 'curl' && (option === '-u' || option === '--user' || option === '--proxy-user'));
    if (equals > 0 && (takesAssignment || takesSecret)) {
      const value = word.slice(equals + 1);
      words.push(shown(`${option}=${takesSecret ? hidden : hideAssigned(value)}`));
    } else if (next !== undefined && (takesAssignment || takesSecret) && equals < 0) {
      words.push(shown(word), shown(takesSecret ? hidden : hideAssigned(next)));
      index++;
    } else if (isDocker && /^-e[A-Za-z_][A-Za-z0-9_]*=/.test(word)) {
      words.push(shown(hideAssigned(word)));
    } else if (isLogin && /^-p./.test(word)) {
      words.push(`-p${hidden}`);
    } else if (program === 'curl' && /^-u./.test(word)) {
      words.push(`-u${hidden}`);
    } else if (secretHeader.test(word)) {
      words.push(shown(`${word.slice(0, word.indexOf(':'))}: ${hidden}`));
    } else {
      words.push(shown(hideInside(word)));
    }
  }
  return words;
}
