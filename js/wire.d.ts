/** What crosses the wire between Python and the stage board. Python writes undefined numbers as null. */

export interface Condition {
  column: string;
  op: string;
  value?: unknown;
}

export type Role = "aware" | "consider" | "evaluate" | "buy" | "enjoy" | "advocate" | "bond";

/** `role` absent: guessed from the name by Python; null: none. */
export interface Stage {
  name: string;
  events: string[];
  role?: Role | string | null;
  where?: Condition[];
  nth?: number | string;
  [later: string]: unknown;
}

export interface Rules {
  window?: string | null;
  retention_period?: string;
  [later: string]: unknown;
}

export interface Definition {
  schema: number;
  stages: Stage[];
  rules?: Rules;
  [later: string]: unknown;
}

/** `past` has its oldest entry first; the first entry of `future` is the next one to redo. */
export interface Draft {
  revision: number;
  definition: Definition;
  baseline?: Definition | null;
  past: Definition[];
  future: Definition[];
  edit: string;
}

export interface CatalogEvent {
  name: string;
  events: number;
  customers: number;
}

export interface Preset {
  key: string;
  title: string;
  origin: string;
  stages: { name: string; role?: string | null; events: string[] }[];
}

export interface Catalog {
  events: CatalogEvent[];
  presets: Preset[];
  roles: string[];
  /** Of each role the words of a stage's name that suggest it; and the words that forbid any guess. */
  role_words: Record<string, string[]>;
  no_role_words: string[];
  n_customers: number;
  n_events: number;
  span_seconds: number | null;
  show_figures: boolean;
}

export interface Problem {
  kind: string;
  message: string;
  stage: string | null;
  event: string | null;
  field: string | null;
}

export interface Figure {
  key: string;
  label: string;
  unit: string;
  value: number | null;
  numerator: number | null;
  denominator: number | null;
  lower: number | null;
  upper: number | null;
  method: string | null;
  note: string | null;
  baseline: number | null;
  delta: number | null;
  delta_lower: number | null;
  delta_upper: number | null;
  delta_method?: string | null;
}

export interface BoardView {
  revision: number;
  problems: Problem[];
  stale: boolean;
  stages: { name: string; role: string | null; events: number; customers: number }[];
  unassigned: { events: number; customers: number };
  figures: Figure[];
  code: string;
  busy: boolean;
  error: string | null;
}

export type Action =
  | { type: "assign"; event: string; to: string | null; from?: string | null }
  | { type: "add"; name: string; at?: number; events?: string[] }
  | { type: "rename"; stage: string; name: string }
  | { type: "remove"; stage: string }
  | { type: "merge"; from: string; into: string }
  | { type: "move"; stage: string; to: number }
  | { type: "set_role"; stage: string; role: string | null }
  | { type: "window"; window: string | null; coalesce?: boolean }
  | { type: "retention_period"; period: string }
  | { type: "preset"; key: string; suggestions: boolean }
  | { type: "remove_entry"; event: string; stage?: string | null }
  | { type: "pin" }
  | { type: "undo" }
  | { type: "redo" };
