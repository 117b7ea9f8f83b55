import type { AdminKey } from "../../feature-flags/core/storage.ts";
import { frozenJson } from "./frozen-json.ts";
import type { MemoryTables } from "./tables.ts";

export function findAdminKey(tables: MemoryTables, id: string): AdminKey | undefined {
  return tables.adminKeys.get(id);
}

export function addFirstAdminKey(tables: MemoryTables, key: AdminKey): boolean {
  if (tables.adminKeys.size > 0) return false;
  tables.adminKeys.set(key.id, frozenJson(key));
  return true;
}
