import { readPath } from "../feature-flags/core/paths.ts";
import { FlagSource, type TenantContext } from "../feature-flags/core/types.ts";
import type { AdminEvaluation, AdminManager } from "./admin-manager.ts";

/** The layer that set a value: whose override it is, or which environment. */
export interface FlagLayer {
  readonly kind: "customer" | "organization" | "rollout" | "environment" | "default";
  /** Absent for an organization that the tenant directory found, and where there is nothing to name. */
  readonly id?: string | undefined;
}

/** One flag as a tenant sees it, with the layer that set it. */
export interface ListedFlag {
  readonly path: string;
  readonly value: unknown;
  /** The value of a boolean flag; absent for others. */
  readonly enabled: boolean | undefined;
  readonly source: FlagSource;
  readonly layer: FlagLayer;
  readonly label: string;
  readonly description: string | undefined;
}

/** Every flag of the definition, in its order, as `evaluation` answers it. */
export function listFlags(
  { definition, environment }: Pick<AdminManager, "definition" | "environment">,
  evaluation: AdminEvaluation,
  context: TenantContext,
): readonly ListedFlag[] {
  return [...definition.leaves].map(([path, { segments, kind }]) => {
    const { label, text } = definition.describe(path);
    const value = readPath(evaluation.config, segments) ?? null;
    const source = evaluation.sourceOf(path);
    return {
      path,
      value,
      enabled: kind === "boolean" && typeof value === "boolean" ? value : undefined,
      source,
      layer: layerOf(source, context, environment),
      label,
      description: text,
    };
  });
}

function layerOf(source: FlagSource, context: TenantContext, environment: string): FlagLayer {
  switch (source) {
    case FlagSource.CUSTOMER_OVERRIDE:
      return { kind: "customer", id: context.customerId };
    case FlagSource.ORGANIZATION_OVERRIDE:
      return { kind: "organization", id: context.organizationId };
    case FlagSource.ENVIRONMENT:
      return { kind: "environment", id: environment };
    default:
      return { kind: source };
  }
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
