import type { EnvironmentFlags, FlagDefinition } from "./definition.ts";
import { fitOverride } from "./fit.ts";
import { mergeFrozen } from "./merge.ts";
import { readPath, withoutPath } from "./paths.ts";
import type { StoredOverride } from "./storage.ts";
import {
  type DeepReadonly,
  type FlagObject,
  FlagSource,
  type OverrideMismatch,
  type RuleViolation,
} from "./types.ts";

/** The overrides a config is resolved from. */
export interface TenantOverrides {
  readonly customer?: StoredOverride | undefined;
  readonly organization?: StoredOverride | undefined;
}

/** What rollouts give a tenant: one object for all tenants that the same rollouts serve. */
export interface RolledOut {
  readonly values: FlagObject;
}

/** Values one layer sets, with the version of the override they come from. */
export interface AppliedLayer {
  readonly source: FlagSource;
  readonly values: Readonly<Record<string, unknown>>;
  readonly version: number | undefined;
}

/** A merged config and where each of its values comes from. Frozen. */
export interface ResolvedFlags<C extends object> {
  readonly config: DeepReadonly<C>;
  readonly source: FlagSource;
  readonly version: number | undefined;
  /** Highest first. What none of them sets is a default. */
  readonly layers: readonly AppliedLayer[];
  readonly mismatches: readonly OverrideMismatch[];
  readonly violations: readonly RuleViolation[];
  /** Whether this is what all tenants without an override see whom the same rollouts serve. */
  readonly isShared: boolean;
}

interface TenantLayer {
  readonly source: FlagSource;
  readonly read: (overrides: TenantOverrides) => StoredOverride | undefined;
}

/** The tenant layers, lowest first, over rollouts, environment and defaults. A new layer is one entry here. */
const TENANT_LAYERS: readonly TenantLayer[] = [
  { source: FlagSource.ORGANIZATION_OVERRIDE, read: (overrides) => overrides.organization },
  { source: FlagSource.CUSTOMER_OVERRIDE, read: (overrides) => overrides.customer },
];

/** Resolves tenants of one definition in one environment. */
export interface Resolver<C extends object> {
  /** What a tenant without any override sees. */
  readonly base: ResolvedFlags<C>;
  /** What rollouts give is below all overrides, and part of what they are merged over. */
  resolve(overrides: TenantOverrides, rolledOut?: RolledOut): ResolvedFlags<C>;
}

export function createResolver<C extends object>(
  definition: FlagDefinition<C>,
  environment: EnvironmentFlags<C>,
): Resolver<C> {
  const nothing: readonly never[] = Object.freeze([]);
  const setsAnything = Object.keys(environment.overlay).length > 0;
  const ofEnvironment: readonly AppliedLayer[] = setsAnything
    ? [{ source: FlagSource.ENVIRONMENT, values: environment.overlay, version: undefined }]
    : [];
  const answersAsEnvironment = setsAnything || definition.resolution === "first-match";
  const base: ResolvedFlags<C> = Object.freeze({
    config: environment.config,
    source: answersAsEnvironment ? FlagSource.ENVIRONMENT : FlagSource.DEFAULT,
    version: undefined,
    layers: Object.freeze(ofEnvironment),
    mismatches: nothing,
    violations: nothing,
    isShared: true,
  });
  const merged = (layers: readonly AppliedLayer[]): DeepReadonly<C> =>
    layers.reduce<DeepReadonly<C>>(
      (config, layer) => mergeFrozen(config, layer.values, definition.defaults) as DeepReadonly<C>,
      environment.config,
    );

  const ofRollouts = new WeakMap<RolledOut, ResolvedFlags<C>>();

  function resolved(
    set: readonly AppliedLayer[],
    mismatches: readonly OverrideMismatch[],
    isShared: boolean,
  ): ResolvedFlags<C> {
    const { layers, refused } = withoutRefused(definition, set, merged);
    const config = merged(layers);
    const highest = layers.at(-1);
    return Object.freeze({
      config,
      source: highest?.source ?? base.source,
      version: highest?.version,
      layers: Object.freeze([...layers.toReversed(), ...ofEnvironment]),
      mismatches: Object.freeze([...mismatches, ...refused]),
      violations: Object.freeze([...definition.schemaIssues(config), ...definition.violations(config)]),
      isShared,
    });
  }

  function withoutOverride(rolledOut: RolledOut | undefined): ResolvedFlags<C> {
    if (rolledOut === undefined) return base;
    const known = ofRollouts.get(rolledOut);
    if (known !== undefined) return known;
    const made = resolved([rolloutLayer(rolledOut)], nothing, true);
    ofRollouts.set(rolledOut, made);
    return made;
  }

  return Object.freeze({
    base,
    resolve(overrides: TenantOverrides, rolledOut?: RolledOut): ResolvedFlags<C> {
      const mismatches: OverrideMismatch[] = [];
      let set: AppliedLayer[] = [];
      for (const layer of TENANT_LAYERS) {
        const stored = layer.read(overrides);
        if (stored === undefined) continue;
        const fitted = fitOverride(definition, layer.source, stored.flags);
        mismatches.push(...fitted.mismatches);
        if (Object.keys(fitted.values).length === 0) continue;
        const applied = { source: layer.source, values: fitted.values, version: stored.version };
        set = definition.resolution === "first-match" ? [applied] : [...set, applied];
      }
      if (set.length === 0 && mismatches.length === 0) return withoutOverride(rolledOut);
      return resolved(rolledOut === undefined ? set : [rolloutLayer(rolledOut), ...set], mismatches, false);
    },
  });
}

function rolloutLayer({ values }: RolledOut): AppliedLayer {
  return { source: FlagSource.ROLLOUT, values, version: undefined };
}

/** Below a refused value there may be another one, and a schema may look at some values only once others are sound. */
const MAX_SCHEMA_PASSES = 8;

/** Takes out the leaves the schema refuses: those lose their override, the rest of the layer applies. */
function withoutRefused<C extends object>(
  definition: FlagDefinition<C>,
  layers: readonly AppliedLayer[],
  merged: (layers: readonly AppliedLayer[]) => object,
): { layers: readonly AppliedLayer[]; refused: readonly OverrideMismatch[] } {
  if (!definition.hasSchema) return { layers, refused: [] };
  const refused: OverrideMismatch[] = [];
  let left = layers;
  for (let pass = 0; pass < MAX_SCHEMA_PASSES; pass += 1) {
    const before = refused.length;
    // Several items of one list may be refused: the layer loses the leaf once, and the one below gets its turn.
    const issues = new Map(definition.schemaIssues(merged(left)).map((issue) => [issue.path, issue]));
    for (const issue of issues.values()) {
      const leaf = definition.leaves.get(issue.path);
      const setter = leaf && left.findLast((layer) => readPath(layer.values, leaf.segments) !== undefined);
      if (leaf === undefined || setter === undefined) continue;
      refused.push(Object.freeze({ layer: setter.source, path: leaf.path, message: issue.message }));
      left = left.map((layer) =>
        layer === setter
          ? { ...layer, values: withoutPath(layer.values as FlagObject, leaf.segments) }
          : layer,
      );
    }
    if (refused.length === before) break;
  }
  return { layers: left.filter((layer) => Object.keys(layer.values).length > 0), refused };
}
