/** What the notebooks share beyond displays: data with a fallback, the drawing of a model. */
export { architectureSpec, blocksOf, shortCount, type Block } from "./architecture";
export { attentionOf, valueOf } from "./inspect";
export { dataHere, dataOrSynthetic } from "./data";
