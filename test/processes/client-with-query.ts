import type { PostgresClientLike } from "../../lib/storages/postgres/index.ts";

/** The client, with `query` in the place of its own; everything else is left to it. */
export function clientWithQuery(
  client: PostgresClientLike,
  query: PostgresClientLike["query"],
): PostgresClientLike {
  return new Proxy(client, {
    get(target, name) {
      if (name === "query") return query;
      const member: unknown = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}
