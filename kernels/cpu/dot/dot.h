// Products of one panel of a weight (32 rows) with a group of rows of x: what `linear` is made of. Out is [rows of x,
// 32].
//   dot_float      floating weights, float32 x
//   dot_rows       quantized weights, int8 x, by how many accumulators the registers hold
//   dot_bf16x2     bfloat16 weights, x as two bfloat16 terms, where there is AMX
#pragma once
#include "cpu/dot/dot_float.h"
#if defined(__AVX2__) && !defined(__AVX512F__)
#include "cpu/dot/dot_few_registers.h"
#else
#include "cpu/dot/dot_many_registers.h"
#endif
#include "cpu/dot/dot_tiles.h"
