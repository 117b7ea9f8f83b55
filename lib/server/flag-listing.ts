import { readPath } from "../feature-flags/core/paths.ts";
import { FlagSource, type TenantContext } from "../feature-flags/core/types.ts";
import type { AdminDefinition, AdminEvaluation } from "./admin-manager.ts";

/** One flag as a tenant sees it, with the layer that set it. */
export interface ListedFlag {
  readonly path: string;
  readonly label: string;
  readonly description: string | undefined;
  readonly value: unknown;
  /** The value of a boolean flag; absent for others. */
  readonly enabled: boolean | undefined;
  readonly source: FlagSource;
  /** The tenant whose override it is. The id is absent for an organization that the directory found. */
  readonly layer: { readonly kind: "customer" | "organization"; readonly id: string | undefined } | undefined;
}

/** Every flag of the definition, in its order, as `evaluation` answers it. */
export function listFlags(
  definition: AdminDefinition,
  evaluation: AdminEvaluation,
  context: TenantContext,
): readonly ListedFlag[] {
  return [...definition.leaves].map(([path, { segments, kind }]) => {
    const { label, text } = definition.describe(path);
    const value = readPath(evaluation.config, segments) ?? null;
    const source = evaluation.sourceOf(path);
    return {
      path,
      label,
      description: text,
      value,
      enabled: kind === "boolean" && typeof value === "boolean" ? value : undefined,
      source,
      layer: layerOf(source, context),
    };
  });
}

function layerOf(source: FlagSource, context: TenantContext): ListedFlag["layer"] {
  if (source === FlagSource.CUSTOMER_OVERRIDE) return { kind: "customer", id: context.customerId };
  if (source === FlagSource.ORGANIZATION_OVERRIDE)
    return { kind: "organization", id: context.organizationId };
  return undefined;
}

/** How the answer came about. */
export function evaluationFacts(evaluation: AdminEvaluation): object {
  return {
    source: evaluation.source,
    evaluatedAt: new Date(evaluation.evaluatedAt).toISOString(),
    version: evaluation.version ?? null,
    revision: evaluation.revision,
    stale: evaluation.stale,
  };
}
