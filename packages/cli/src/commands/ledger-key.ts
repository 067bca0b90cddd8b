// `dockledger rotate-ledger-key` and `retire-ledger-keys`: a new key for the ledger's checkpoints, and the end of the older ones.
// Between the two both sign, so that verifiers with the old key go on working until they have the new one.
import { AppError } from '@dockledger/contract';
import { type Credentials, findConsole } from '../console-client.ts';
import { exitCode } from '../exit-code.ts';

/** Asks the running Console and prints the public keys, oldest first. Returns the exit code. */
export async function ledgerKeyCommand(
  step: 'rotate-key' | 'retire-old-keys',
  dataDir: string,
  json: boolean,
  credentials: Credentials,
): Promise<number> {
  const client = await findConsole(dataDir, credentials);
  if (client === undefined)
    throw new AppError('unavailable', `No Console runs on ${dataDir}. Keys are changed while it runs.`);
  const keys = await client.json<{ origin: string; vkeys: string[] }>(`/api/dockledger/v1/ledger/${step}`, 'POST');
  if (json) console.log(JSON.stringify(keys));
  else {
    console.log(step === 'rotate-key' ? 'A new key signs first. Hand this out:' : 'Only the newest key signs now:');
    console.log(keys.vkeys.at(-1));
  }
  return exitCode.ok;
}
