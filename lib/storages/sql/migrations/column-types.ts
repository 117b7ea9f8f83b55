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
  /** A random id, as a column default. */
  readonly randomId: string;
  /** Statements that make the database refuse to change or delete rows of `feature_flag_changes`. */
  readonly appendOnly: readonly string[];
}
