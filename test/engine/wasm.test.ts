import { startWasm } from "../../lib/engine/wasm";
import { describeCases } from "./cases";

describeCases({ name: "wasm", start: () => startWasm() });
describeCases({ name: "wasm with fast math", start: () => startWasm({ fastMath: true }) });
