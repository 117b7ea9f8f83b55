import { asStorageError } from "../../feature-flags/core/errors.ts";
import type { Rollout } from "../../feature-flags/core/rollout.ts";
import type { RolloutAccess } from "../../feature-flags/core/rollout-access.ts";
import { selectRollout } from "../../feature-flags/core/rollout-selection.ts";
import { contextError } from "../../feature-flags/core/tenant-id.ts";
import { FlagSource } from "../../feature-flags/core/types.ts";
import { needsOrganization } from "./admission.ts";
import { isFlagPath } from "./flag-path.ts";

/** Whether a rollout serves a customer. False where there is none, and where storage cannot say: never rejects. */
export async function isServed<C extends object>(
  access: RolloutAccess<C>,
  loaded: () => Promise<void>,
  featureName: string,
  customerId: string,
): Promise<boolean> {
  if (typeof customerId !== "string" || contextError({ customerId }) !== undefined) return false;
  try {
    if (access.get(featureName) === undefined) await loaded();
    const rollout = access.get(featureName);
    if (rollout === undefined || access.unfit().some((unfit) => unfit.featureName === featureName))
      return false;
    return await serves(access, rollout, customerId);
  } catch (cause) {
    const error = asStorageError(cause, "looking up whom a rollout serves");
    access.log.warn(`rollout:${error.code}`, { code: error.code, error, featureName }, error.message);
    return false;
  }
}

/** Asks the customer's evaluation, which is cached, before the tenant directory, which is not. */
async function serves<C extends object>(
  access: RolloutAccess<C>,
  rollout: Rollout,
  customerId: string,
): Promise<boolean> {
  if (!needsOrganization(rollout)) return selectRollout(rollout, { customerId }).enabled;
  const evaluation = await access.evaluate({ customerId });
  if (evaluation.error === undefined && isFlagPath(access.definition, rollout.path)) {
    const source = evaluation.sourceOf(rollout.path);
    if (source === FlagSource.ROLLOUT) return true;
    if (source === FlagSource.ENVIRONMENT || source === FlagSource.DEFAULT) return false;
  }
  const [customer] = await access.read((storage) => storage.readCustomers([customerId]));
  return selectRollout(rollout, { customerId, organizationId: customer?.organizationId }).enabled;
}
