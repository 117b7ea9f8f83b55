import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import type { CustomerRecord } from "../../feature-flags/core/storage.ts";

const PAGE = 5_000;

/** All customers of the tenant directory, page by page, with room for other work in between: SQLite never waits. */
export async function* knownCustomers<C extends object>(
  access: RolloutAccess<C>,
): AsyncGenerator<readonly CustomerRecord[]> {
  let after: string | undefined;
  do {
    const page = await access.read((storage) => storage.listCustomers({ after, limit: PAGE }));
    if (page.length > 0) yield page;
    after = page.length < PAGE ? undefined : page.at(-1)?.id;
    if (after !== undefined) await new Promise((resolve) => setTimeout(resolve));
  } while (after !== undefined);
}
