"""The policy engine's side of the port: releases, the engine in WebAssembly, building, checking."""
