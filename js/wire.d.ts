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
  nth?: number | string | null;
  optional?: boolean;
  window?: string | null;
  directly?: boolean;
  anchored?: boolean;
  [later: string]: unknown;
}

export interface Exclusion {
  events: string[];
  after?: string | null;
  before?: string | null;
  where?: Condition[];
  effect?: string;
}

/** A field that has its default is absent. */
export interface Rules {
  order?: string;
  window?: string | null;
  entry?: string;
  reach?: string;
  ties?: string;
  reuse?: string;
  exclusions?: Exclusion[];
  count?: string;
  unit?: string;
  hold_constant?: string[];
  denominator?: string;
  observation_end?: string | null;
  time_zone?: string | null;
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

/** Rules of another tool. `keeps`: fields that stay as they are; `effect`: the one its exclusions have. */
export interface RulePreset {
  key: string;
  tool: string;
  setting: string;
  rules: Rules;
  keeps: string[];
  effect: string | null;
}

/** `value` of `field` cannot be, as long as the field `beside` has the value `has`. */
export interface Clash {
  field: string;
  value: string;
  beside: string;
  has: string;
  why: string;
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
  /** Of each rule that takes words the words, the default first; a notebook saved by an older version has none of these. */
  rule_choices?: Record<string, string[]>;
  rule_defaults?: Record<string, unknown>;
  rule_clashes?: Clash[];
  rule_presets?: RulePreset[];
  columns?: { name: string; kind: string }[];
  /** What a window can be counted in besides time: "event", "session" and calendar units. */
  window_units?: string[];
  /** Where the log ends and in which time zone, as text; absent where rules cannot change them. */
  observation?: { end: string; time_zone: string | null };
  operators?: string[];
  effects?: string[];
}

/** What a condition on a column can compare with: frequent values with their events, how many more,
 *  lowest and highest. `one_in`: the values are those of one in so many customers. */
export interface Offer {
  kind: string;
  values?: [value: string, events: number][];
  more?: number;
  one_in?: number;
  ends?: [low: string, high: string];
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
  /** The part of the log counted; empty for the whole, absent in a notebook saved by an older version. */
  preview?: string;
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
  | { type: "share"; event: string; to: string }
  | { type: "rule"; field: string; value: unknown; coalesce?: boolean }
  | { type: "reset_rules" }
  | { type: "rule_preset"; key: string }
  | { type: "exclusion"; at: number | null; exclusion: Exclusion | null }
  | { type: "stage_rule"; stage: string; field: "optional" | "window" | "directly" | "anchored" | "nth" | "where"; value: unknown }
  | { type: "preset"; key: string; suggestions: boolean }
  | { type: "remove_entry"; event: string; stage?: string | null }
  | { type: "pin" }
  | { type: "undo" }
  | { type: "redo" };
