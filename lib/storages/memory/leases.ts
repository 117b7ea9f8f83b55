import type { LeaseRequest } from "../../feature-flags/core/storage.ts";
import type { MemoryTables } from "./tables.ts";

export function takeLease(tables: MemoryTables, { name, holder, now, until }: LeaseRequest): boolean {
  const held = tables.leases.get(name);
  if (held !== undefined && held.holder !== holder && held.until > now) return false;
  tables.leases.set(name, { holder, until });
  return true;
}

export function releaseLease(tables: MemoryTables, name: string, holder: string): void {
  if (tables.leases.get(name)?.holder === holder) tables.leases.delete(name);
}
