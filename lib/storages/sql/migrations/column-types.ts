/** What the two engines' table definitions spell differently. */
export interface ColumnTypes {
  /** Text compared byte by byte, so that both engines list ids in the same order. */
  readonly text: string;
  readonly json: string;
  /** A point in time. */
  readonly time: string;
  readonly counter: string;
  /** What follows the closing parenthesis of a table. */
  readonly tableEnd: string;
  /** The same for a table that is stored in the order of its primary key, where the engine can. */
  readonly orderedTableEnd: string;
  /** Whether a table's checks can be changed; otherwise the table is made anew and its rows are copied. */
  readonly altersChecks: boolean;
  /** A random id, as a column default. */
  readonly randomId: string;
  /** Statements that make the database refuse to change or delete rows of `feature_flag_changes`. */
  readonly appendOnly: readonly string[];
}
