// What anywidget gives a page, and the types that go with the messages.

type Without<Message, Field extends string> = Message extends unknown ? Omit<Message, Field> : never;

type Query = Without<KernelQuery, "view">;
type ActionRequest = Without<KernelRequest, "token">;

type KernelHandlers = {
  [Kind in KernelMessage["kind"]]: (message: Extract<KernelMessage, { kind: Kind }>, buffers: DataView[]) => void;
};
type KernelHandler = (message: KernelMessage, buffers: DataView[]) => void;

interface Typesetter { typeset(node: Element): void }

interface Signal<Value = string> {
  connect(slot: (sender: unknown, value: Value) => void): void;
  disconnect(slot: (sender: unknown, value: Value) => void): void;
}

interface KernelOutput {
  header: { session: string };
  content: { execution_state?: string };
}

// Of JupyterLab; "status" and "connectionStatus" as its own types have them.
interface FrontEndKernel {
  status: string;
  statusChanged: Signal;
  connectionStatusChanged: Signal;
  disposed: Signal;
  iopubMessage?: Signal<KernelOutput>;
}

interface WidgetModel {
  send(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: KernelHandler): void;
  on(event: "comm_live_update", listener: () => void): void;
  off(event: "msg:custom", listener: KernelHandler): void;
  off(event: "comm_live_update", listener: () => void): void;
  widget_manager?: { rendermime?: { latexTypesetter?: Typesetter }; kernel?: FrontEndKernel | null };
}
