import type { FlagDefinition } from "./definition.ts";
import type { FlagError } from "./errors.ts";
import type { AppliedLayer, ResolvedFlags } from "./layers.ts";
import { readPath } from "./paths.ts";
import {
  type DeepReadonly,
  type FlagEvaluation,
  type FlagPath,
  FlagSource,
  type OverrideMismatch,
  type RuleViolation,
} from "./types.ts";

/** When and how a resolved config was come by. */
export interface EvaluationCircumstances {
  readonly evaluatedAt: number;
  readonly revision: number;
  readonly stale?: boolean;
  readonly error?: FlagError;
}

/** A {@link FlagEvaluation}. One exists per cached tenant, so it holds references and copies nothing. */
export class Evaluation<C extends object> implements FlagEvaluation<C> {
  readonly config: DeepReadonly<C>;
  readonly source: FlagSource;
  readonly evaluatedAt: number;
  readonly version: number | undefined;
  readonly revision: number;
  readonly stale: boolean;
  readonly error: FlagError | undefined;
  readonly violations: readonly RuleViolation[];
  readonly mismatches: readonly OverrideMismatch[];
  readonly #layers: readonly AppliedLayer[];
  readonly #definition: FlagDefinition<C>;

  constructor(
    definition: FlagDefinition<C>,
    resolved: Omit<ResolvedFlags<C>, "isShared">,
    circumstances: EvaluationCircumstances,
  ) {
    this.config = resolved.config;
    this.source = resolved.source;
    this.evaluatedAt = circumstances.evaluatedAt;
    this.version = resolved.version;
    this.revision = circumstances.revision;
    this.stale = circumstances.stale ?? false;
    this.error = circumstances.error;
    this.violations = resolved.violations;
    this.mismatches = resolved.mismatches;
    this.#layers = resolved.layers;
    this.#definition = definition;
    Object.freeze(this);
  }

  sourceOf(path: FlagPath<C>): FlagSource {
    const { segments } = this.#definition.leaf(path);
    const setter = this.#layers.find((layer) => readPath(layer.values, segments) !== undefined);
    return setter?.source ?? FlagSource.DEFAULT;
  }

  /** The same answer, given again while storage cannot confirm it. */
  asStale(error: FlagError): Evaluation<C> {
    const resolved = { ...this, layers: this.#layers };
    return new Evaluation(this.#definition, resolved, { ...this, stale: true, error });
  }
}
