// What anywidget gives a page, and the types that go with the messages.

type Without<Message, Field extends string> = Message extends unknown ? Omit<Message, Field> : never;

type Query = Without<KernelQuery, "view">;
type ActionRequest = Without<KernelRequest, "token">;

type KernelHandlers = {
  [Kind in KernelMessage["kind"]]: (message: Extract<KernelMessage, { kind: Kind }>, buffers: DataView[]) => void;
};
type KernelHandler = (message: KernelMessage, buffers: DataView[]) => void;

interface Typesetter { typeset(node: Element): void }

interface WidgetModel {
  send(content: object, callbacks?: undefined, buffers?: ArrayBuffer[]): void;
  on(event: "msg:custom", listener: KernelHandler): void;
  off(event: "msg:custom", listener: KernelHandler): void;
  widget_manager?: { rendermime?: { latexTypesetter?: Typesetter } };
}
