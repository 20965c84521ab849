/**
 * Numbers that the compiler must take for variables: V8 makes a constant vector anew wherever it is used, in three instructions, where one of
 * a variable stays in a register. `decoder.ts` exports them, or the compiler would see that nobody changes them.
 */
export let FIFTEEN: i32 = 15;
export let ONE: i32 = 1;
/** Added to a float and taken away again it rounds to whole numbers, which are the last bits of the sum: 1.5 · 2²³. */
export let ROUNDS: f32 = 12582912;
/** Bits of ROUNDS. */
export let ROUNDS_BITS: i32 = 0x4b400000;
/** Least exponent of `exp2`. */
export let LOWEST: f32 = -125;
/** 2ʳ = 1 + Σ rⁱ · POWERi for |r| ≤ ½, to 1.5 · 10⁻⁷ (fitted for the least relative error). */
export let POWER1: f32 = 0.6931469670643621;
export let POWER2: f32 = 0.2402211972388162;
export let POWER3: f32 = 0.055507132741484826;
export let POWER4: f32 = 0.009675541332783222;
export let POWER5: f32 = 0.0013276471782232592;
export let POWER0: f32 = 1;
