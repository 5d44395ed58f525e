"""The panel: the same conversation in a widget. The page draws, the kernel decides."""
