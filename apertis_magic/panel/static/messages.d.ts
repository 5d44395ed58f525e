// The messages between page and kernel, each shape once; tests/test_panel_messages.py
// holds them against what the kernel takes and sends.

// ---- what the page sends

interface HelloQuery { kind: "hello"; view: string }
interface ByeQuery { kind: "bye"; view: string }
interface PageQuery { kind: "page"; view: string; first: number; last: number }
// The number counts the files of the question, then the pictures of all answers.
interface PictureQuery { kind: "picture"; view: string; turn: string; number: number }
interface QuestionQuery { kind: "question"; view: string; turn: string }
interface ModelsQuery { kind: "models"; view: string }
interface RestorableQuery { kind: "restorable"; view: string }
interface StopQuery { kind: "stop"; turn: string }

// What would be held back, such as a question with a key in it, is sent "anyway".
interface AskRequest { kind: "ask"; token: string; text: string; names: string[]; anyway: boolean }
interface EditRequest { kind: "edit"; token: string; turn: string; text: string; anyway: boolean }
interface RetryRequest { kind: "retry"; token: string; turn: string; anyway: boolean }
interface ContinueRequest { kind: "continue"; token: string; turn: string; anyway: boolean }
interface DeleteRequest { kind: "delete"; token: string; turn: string }
interface ForkRequest { kind: "fork"; token: string; turn: string }
interface UndoRequest { kind: "undo"; token: string }
interface NewRequest { kind: "new"; token: string }
interface UseRequest { kind: "use"; token: string; name: string }
interface RenameRequest { kind: "rename"; token: string; name: string }
interface RemoveRequest { kind: "remove"; token: string; name: string }
interface ModelRequest { kind: "model"; token: string; name: string }
interface OptionRequest { kind: "option"; token: string; name: string; text: string }
interface SystemRequest { kind: "system"; token: string; text: string }
interface ExportRequest { kind: "export"; token: string; name: string }
interface LocalRequest { kind: "local"; token: string }
interface RestoreRequest { kind: "restore"; token: string }

type KernelQuery =
  | HelloQuery | ByeQuery | PageQuery | PictureQuery | QuestionQuery | ModelsQuery | RestorableQuery
  | StopQuery;

type KernelRequest =
  | AskRequest | EditRequest | RetryRequest | ContinueRequest | DeleteRequest | ForkRequest
  | UndoRequest | NewRequest | UseRequest | RenameRequest | RemoveRequest
  | ModelRequest | OptionRequest | SystemRequest | ExportRequest | LocalRequest | RestoreRequest;

// ---- what the kernel sends

interface AttachedFile { name: string; size: number; picture: boolean }

interface OpenTurn {
  open: true;
  id: string;
  question: string; // its beginning, where it is long
  rest: number; // how many characters of it lack
  files: AttachedFile[];
  text: string;
  html: string; // of the first blocks, which no longer change
  covered: number; // how much of the text the HTML stands for, in UTF-16 units
  thought: string;
  status: string;
  cell: boolean;
}

interface EndedTurn {
  open: false;
  id: string;
  question: string;
  rest: number;
  files: AttachedFile[];
  text: string;
  html: string | null; // null where the page has it
  thought: string; // HTML
  below: string; // HTML
  footer: string;
  error: string;
  hint: string;
  stale: boolean;
  cell: boolean;
  can_continue: boolean;
  failed: [string, string] | null; // the last try's error and hint
}

type TurnData = OpenTurn | EndedTurn;

interface RequestField {
  name: string;
  label: string;
  help: string;
  range: string;
  number: boolean;
  step: number | string;
  low: number | null;
  high: number | null;
  lines: boolean;
}

interface Frame {
  conversation: string;
  conversations: string[];
  model: string;
  system: string;
  default_system: string;
  options: Record<string, string>;
  defaults: Record<string, string>;
  totals: string;
  answering: string[]; // ids of the answers under way
  problem: [string, string] | null; // what is wrong, and what to do about it
  local: boolean; // whether the local model would help
  default_model?: string; // these two are unknown where there is a problem
  fixed?: boolean;
}

interface FrameMessage extends Frame { kind: "frame" }
interface HelloMessage extends Frame { kind: "hello"; to: string; fields: RequestField[] }
interface ShowMessage { kind: "show"; at: number; total: number; turns: TurnData[]; to?: string }
interface PageMessage { kind: "page"; at: number; total: number; turns: TurnData[]; to: string }
interface SpliceMessage { kind: "splice"; at: number; gone: number; total: number; turns: TurnData[] }
interface StaleMessage { kind: "stale"; turns: Record<string, boolean> }
// The kernel has a request, and does it in its turn.
interface TakenMessage { kind: "taken"; token: string }
interface OutcomeMessage {
  kind: "outcome";
  token: string;
  text: string;
  hint: string;
  ok: boolean;
  undo: boolean;
  anyway: boolean; // it was held back, and can be sent all the same
}
interface ProgressMessage { kind: "progress"; text: string }
interface QuestionMessage { kind: "question"; to: string; turn: string; text: string }
interface ModelsMessage { kind: "models"; to: string; ids: string[]; problem: string }
// Without turns there is nothing to restore; the time is in seconds since 1970.
interface RestorableMessage { kind: "restorable"; to: string; turns: number; conversation: string; changed: number }
interface PictureMessage { kind: "picture"; to: string; turn: string; number: number; type: string }

interface GrowMessage {
  kind: "grow";
  id: string;
  anew?: true; // what was shown of the answer is not of it any more
  text?: string;
  thought?: string;
  status?: string;
  blocks?: string[]; // HTML
  covered?: number;
}

type KernelMessage =
  | HelloMessage | FrameMessage | ShowMessage | PageMessage | SpliceMessage | StaleMessage
  | GrowMessage | TakenMessage | OutcomeMessage | ProgressMessage | PictureMessage
  | QuestionMessage | ModelsMessage | RestorableMessage;
