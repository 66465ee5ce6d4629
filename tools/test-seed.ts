/**
 * @file One seed for every property test, so that the gate passes or fails for a change and not by chance.
 * `STRATA_SEED=random npm test` draws another each time: run it to look for more.
 */
import fc from "fast-check";

declare const __STRATA_SEED__: string;

if (__STRATA_SEED__ !== "random") fc.configureGlobal({ seed: Number(__STRATA_SEED__) });
