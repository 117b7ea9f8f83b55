import { ADMIN_FLAGS_PATH } from "../server/index.ts";
import type { ServeSettings } from "./serve-settings.ts";

/** What `serve` has to tell once it listens. */
export interface GreetingFacts {
  readonly version: string;
  /** Without a slash at its end. */
  readonly url: string;
  /** A file's absolute path, or a database's URL without its password. */
  readonly data: string;
  readonly settings: ServeSettings;
  /** How many flags the definition has. */
  readonly flags: number;
  /** The key made at this start: shown here and nowhere else. */
  readonly newKey: string | undefined;
  /** The flag to try things with, and the value that changes it. */
  readonly trial: { readonly path: string; readonly enabled: boolean };
}

const CUSTOMER = "cust_789";
const ORGANIZATION = "org_456";

/** The text `serve` prints: where it is, where the data lies, what it is set to, the key, and what to try. */
export function serveGreeting(facts: GreetingFacts): string {
  return [
    `Strata ${facts.version} is ready at ${facts.url}`,
    `Data: ${facts.data}`,
    `Flags: ${facts.flags}, with the values of the environment "${facts.settings.environment}"`,
    `Settings:\n${settingLines(facts)}`,
    keyParagraph(facts),
    tryIt(facts),
    "Press Ctrl+C to stop.\n",
  ].join("\n\n");
}

function settingLines({ settings, newKey }: GreetingFacts): string {
  const { limits } = settings;
  const masked = settings.adminKey === undefined ? "(not set)" : "***";
  const rows: readonly (readonly [name: string, value: string | number])[] = [
    ["STRATA_HOST", settings.host],
    ["STRATA_PORT", settings.port],
    ["STRATA_ENV", settings.environment],
    ["STRATA_ADMIN_KEY", newKey === undefined ? masked : "(not set, one was made)"],
    ["STRATA_AUDIT", settings.audit],
    ["STRATA_MAX_BODY_BYTES", limits.bodyBytes],
    ["STRATA_MAX_JSON_DEPTH", limits.depth],
    ["STRATA_MAX_JSON_KEYS", limits.keys],
    ["STRATA_AUTH_FAILURES_PER_MINUTE", limits.authFailuresPerMinute],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join("\n");
}

function keyParagraph({ newKey, settings }: GreetingFacts): string {
  if (newKey !== undefined) {
    return `Your admin key. It is shown this once and not again, because only its hash is stored:\n\n  ${newKey}`;
  }
  if (settings.adminKey !== undefined) return "Admin key: the one in STRATA_ADMIN_KEY, or a stored one.";
  return "Admin key: the one shown at the first start. If it is lost, start again with STRATA_ADMIN_KEY set.";
}

function tryIt({ url, newKey, trial }: GreetingFacts): string {
  const shell = "Try it: paste these into another terminal";
  const intro =
    newKey === undefined ? `${shell}, after:  export STRATA_ADMIN_KEY='<your admin key>'` : `${shell}.`;
  const curl = `curl -sS -H "Authorization: Bearer ${newKey ?? "$STRATA_ADMIN_KEY"}"`;
  const read = `${curl} "${url}${ADMIN_FLAGS_PATH}?customerId=${CUSTOMER}&organizationId=${ORGANIZATION}"`;
  const body = JSON.stringify({
    path: trial.path,
    enabled: trial.enabled,
    organizationId: ORGANIZATION,
    reason: "Trying Strata",
  });
  const write = `${curl} -H "Content-Type: application/json" -d '${body}' "${url}${ADMIN_FLAGS_PATH}"`;
  return [
    intro,
    `1. The flags of customer ${CUSTOMER}, who belongs to organization ${ORGANIZATION}:\n${read}`,
    `2. Switch ${trial.path} ${trial.enabled ? "on" : "off"} for the whole organization:\n${write}`,
    `3. The same customer again. The flag has changed, and its source says why:\n${read}`,
  ].join("\n\n");
}
