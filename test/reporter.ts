/** Mocha's spec reporter, closing with one line that a CI can read: `N passed, N failed, N skipped`. */
import { reporters } from "mocha";

class CountingReporter extends reporters.Spec {
  override epilogue(): void {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}

export = CountingReporter;
