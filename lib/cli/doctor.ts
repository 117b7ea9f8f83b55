import { environmentName } from "../feature-flags/core/environment.ts";
import type { UnfitRollout } from "../feature-flags/core/rollout.ts";
import type { OverrideMismatch, RuleViolation } from "../feature-flags/core/types.ts";
import { type Ailment, FeatureFlagManager } from "../feature-flags/index.ts";
import type { CliHost } from "./cli-host.ts";
import type { StorageOptions } from "./open-storage.ts";
import { openExistingStorage } from "./open-storage.ts";
import { printable } from "./printable.ts";

export interface DoctorOptions extends StorageOptions {
  readonly environment?: string | undefined;
  readonly json?: boolean | undefined;
}

/** `strata doctor`: every stored override and rollout that does not fit the definition. Exit code 1 if there is any. */
export async function doctor(options: DoctorOptions, host: CliHost): Promise<number> {
  const storage = await openExistingStorage(options, host);
  const environment = options.environment ?? environmentName(host.env);
  const manager = new FeatureFlagManager({ storage, environment, clock: host.clock });
  try {
    const report = options.json === true ? reportAsJson : reportAsText;
    await manager.rollouts.refresh();
    return (await report(manager.ailingOverrides(), manager.rollouts.unfit(), host)) === 0 ? 0 : 1;
  } finally {
    await manager.close();
    await storage.close();
  }
}

/** One JSON document, written as it comes: there may be more findings than memory. */
async function reportAsJson(
  ailments: AsyncIterable<Ailment>,
  rollouts: readonly UnfitRollout[],
  { out }: CliHost,
): Promise<number> {
  let found = 0;
  out.write('{"overrides":[');
  for await (const { tenant, version, mismatches, violations } of ailments) {
    const item = { kind: tenant.kind, id: tenant.id, version, mismatches, violations };
    out.write(`${found === 0 ? "" : ","}\n${JSON.stringify(item)}`);
    found += 1;
  }
  found += rollouts.length;
  out.write(`],\n"rollouts":${JSON.stringify(rollouts)},\n"count":${found}}\n`);
  return found;
}

async function reportAsText(
  ailments: AsyncIterable<Ailment>,
  rollouts: readonly UnfitRollout[],
  { out }: CliHost,
): Promise<number> {
  let found = 0;
  for await (const { tenant, version, mismatches, violations } of ailments) {
    const lines = [...mismatches.map(mismatchLine), ...violations.map(violationLine)];
    out.write(`${tenant.kind} ${printable(tenant.id)} (version ${version})\n${lines.join("")}\n`);
    found += 1;
  }
  for (const { featureName, message } of rollouts) {
    out.write(`rollout ${printable(featureName)}\n  left out     ${printable(message)}\n\n`);
  }
  if (found === 0) out.write("Every stored override fits the definition and keeps its rules.\n");
  if (found > 0) {
    out.write(
      `${found} stored override${found === 1 ? " needs" : "s need"} attention. ` +
        "Flags left out have their inherited value until they are set or unset anew.\n",
    );
  }
  if (rollouts.length > 0) {
    const subject = rollouts.length === 1 ? "1 rollout does" : `${rollouts.length} rollouts do`;
    out.write(`${subject} not apply. Roll it back, or define its flag again.\n`);
  }
  return found + rollouts.length;
}

function mismatchLine({ path, layer, message }: OverrideMismatch): string {
  return `  left out     ${printable(path === "" ? "(everything)" : path)}, from ${layer}: ${printable(message)}\n`;
}

function violationLine({ path, message }: RuleViolation): string {
  return `  breaks rule  ${printable(path)}: ${printable(message)}\n`;
}
