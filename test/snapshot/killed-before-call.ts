import { promises } from "node:fs";
import { syncBuiltinESMExports } from "node:module";

const NAMED = ["mkdir", "open", "readdir", "rename", "rm", "stat"] as const;
const OF_HANDLES = ["appendFile", "read", "stat", "sync"] as const;

/**
 * Has this process kill itself before the call to the file system of that number, counted from 1. Returns how many
 * calls there have been so far.
 */
export function killBeforeCall(killAt: number | undefined): () => number {
  let calls = 0;
  const counted = <Method extends (...given: never[]) => unknown>(method: Method) =>
    function (this: unknown, ...given: Parameters<Method>): unknown {
      calls += 1;
      if (calls === killAt) process.kill(process.pid, "SIGKILL");
      return Reflect.apply(method, this, given);
    };

  const { open } = promises;
  for (const name of NAMED) Object.assign(promises, { [name]: counted(promises[name]) });
  const countedOpen = promises.open;
  let handlesCounted = false;
  Object.assign(promises, {
    async open(...given: Parameters<typeof open>) {
      const handle = await countedOpen(...given);
      if (!handlesCounted) {
        handlesCounted = true;
        const prototype: object = Object.getPrototypeOf(handle);
        for (const name of OF_HANDLES) Object.assign(prototype, { [name]: counted(handle[name]) });
      }
      return handle;
    },
  });
  syncBuiltinESMExports();
  return () => calls;
}
