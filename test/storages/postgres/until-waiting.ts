import type { TestDatabase } from "../../postgres-database.ts";

/** The backends of this test that wait for a lock, once there are as many as expected. */
export async function untilWaiting({ pool, schema }: TestDatabase, count: number): Promise<number[]> {
  for (;;) {
    const { rows } = await pool.query(
      "select pid from pg_stat_activity where wait_event_type = 'Lock' and application_name = $1",
      [schema],
    );
    if (rows.length >= count) return rows.map(({ pid }) => pid);
  }
}
