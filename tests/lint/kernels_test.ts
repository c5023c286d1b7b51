/**
 * What docs/exactness.md forbids CUDA sources and no compiler reports: approximations, sums in the order of arrival,
 * contractions, and instructions that the simulator would not run.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { listFiles, readFile } from "./sources.ts";

/** The only file with PTX, which is nvcc's alone; each piece stands beside the simulator's model of it. */
const PRIMITIVES = "kernels/cuda/device/primitives.h";

interface Rule {
  /** What a source may not have. */
  readonly what: string;
  readonly pattern: RegExp;
  /** Where the rule holds. */
  readonly holdsIn: (path: string) => boolean;
  /** Code that breaks it. */
  readonly broken: readonly string[];
}

const isDevice = (path: string) => path.startsWith("kernels/cuda/device/");

const RULES: readonly Rule[] = [
  {
    what: "an intrinsic that approximates",
    pattern:
      /\b__(?:(?:exp|exp10|log|log2|log10|sin|cos|sincos|tan|tanh|pow|fdivide)f|[fd](?:rcp|rsqrt)_r[nzud])\b/,
    holdsIn: () => true,
    broken: ["y = __expf(x);", "__fdividef(a, b)", "__frsqrt_rn(x)"],
  },
  {
    what: "a function of the C library whose bits are the device's own",
    pattern:
      /(?<![\w.>])(?:std::|::)?(?:rsqrt|exp|exp2|exp10|expm1|log|log2|log10|log1p|pow|sin|cos|tan|sincos|sinpi|cospi|sinh|cosh|tanh|atan|atan2|cbrt|rcbrt|erf|erfc|hypot|rhypot|norm3d)f?\s*\(/,
    holdsIn: isDevice,
    broken: ["w = expf(score - top);", "std::log(x)", "rsqrtf (x)", "powf(base, i)"],
  },
  {
    what: "an atomic operation on floats",
    pattern:
      /\batomic\w+\s*\(\s*(?:reinterpret_cast<\s*)?\(?\s*(?:float|double|half|__half|__nv_bfloat16)\b|\b(?:red|atom)\.[\w.]*\.(?:f|bf)\d\d/,
    holdsIn: () => true,
    broken: ["atomicAdd((float*)sums, x)", 'asm("red.global.add.f32 [%0], %1;")'],
  },
  {
    what: "PTX",
    pattern: /\b(?:asm|__asm__)\b/,
    holdsIn: (path) => path !== PRIMITIVES,
    broken: ['asm volatile("bar.sync 0;")'],
  },
  {
    what: "code for one compiler",
    pattern: /\b(?:__CUDACC__|__CUDA_ARCH__|__NVCC__)\b/,
    holdsIn: (path) => path !== PRIMITIVES,
    broken: ["#ifdef __CUDA_ARCH__"],
  },
  {
    what: "PTX that approximates or flushes",
    pattern: /\.(?:approx|ftz)\b/,
    holdsIn: () => true,
    broken: ['asm("ex2.approx.ftz.f32 %0, %1;")'],
  },
];

const sources = listFiles("kernels/cuda").filter((path) => /\.(cu|cuh|cpp|h)$/.test(path));
const codeOf = (path: string) => readFile(path).replaceAll(/\/\/.*/g, "");

for (const { what, pattern, holdsIn, broken } of RULES) {
  Deno.test(`no CUDA source has ${what}`, () => {
    for (const code of broken) assert.match(code, pattern);
    assert.ok(sources.length > 20, "there are such files");
    const found = sources.filter(holdsIn).flatMap((path) =>
      codeOf(path).split("\n").filter((line) => pattern.test(line)).map((line) => `${path}: ${line.trim()}`)
    );
    assert.deepEqual(found, []);
  });
}

Deno.test("CUDA sources are compiled without contractions and fast arithmetic", () => {
  const builds = ["kernels/cuda/CMakeLists.txt", "kernels/sim/CMakeLists.txt"].map(readFile);
  const [cuda, simulator] = builds.map((text) => text.replaceAll(/#.*/g, ""));
  assert.match(cuda!, /COMPILE_LANGUAGE:CUDA>:-fmad=false\b/);
  assert.match(cuda!, /COMPILE_LANGUAGE:CXX>:[^>]*-ffp-contract=off\b/);
  assert.match(simulator!, /PUBLIC -ffp-contract=off\b/);
  for (const text of builds) {
    assert.doesNotMatch(
      text,
      /fast[_-]math|-fmad=true|-ftz=true|-prec-(?:div|sqrt)=false|-Ofast|-ffp-contract=fast/,
    );
  }
});
