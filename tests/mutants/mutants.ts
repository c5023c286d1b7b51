/**
 * The mutants that `deno task test:mutants` tries: each is a fault that somebody could make, the check that has to find
 * it, and what that check says.
 *
 * A check is what runs in CI anyway. Where a fault shows in the order of threads, blocks or work only, the check has to
 * find it under every order.
 *
 * @module
 */
import type { CaseCheck, Mutant } from "./mutant.ts";

const OPS = "tests/kernels/cuda/ops_test.ts";
const ATTENTION = "tests/kernels/cuda/attention_test.ts";
const LINEAR = "tests/kernels/cuda/linear_test.ts";
const BACKEND = "tests/kernels/cuda/backend_test.ts";
const GRAPH = "tests/kernels/cuda/graph_test.ts";
const SAMPLING = "tests/kernels/sampling_test.ts";
const LOGPROBS = "tests/kernels/sampling_logprobs_test.ts";
const MASKS = "tests/kernels/sampling_masks_test.ts";
const DRAWING = "tests/kernels/cuda/sampling_test.ts";

function ops(build: CaseCheck["build"], name: string): CaseCheck {
  return { test: OPS, program: "ops", build, case: name };
}

function attention(build: CaseCheck["build"], name: string): CaseCheck {
  return { test: ATTENTION, program: "ops", build, case: name };
}

function linear(build: CaseCheck["build"], name: string): CaseCheck {
  return { test: LINEAR, program: "linear", build, case: name };
}

/** All of them. Those that change the same files stand together, as fewer files are compiled then. */
export const mutants: readonly Mutant[] = [
  {
    id: "1",
    name: "a __syncthreads dropped in rms_norm",
    edits: [{
      file: "kernels/cuda/device/reduce.h",
      find: "    __syncthreads();\n    float total = warps[0];",
      replace: "    float total = warps[0];",
    }],
    check: ops("checked", "rms_norm_agrees_with_float64"),
    finds: /(race|read of what nobody wrote): kernel rms_norm/,
  },
  {
    id: "13",
    name: "lane mask 0xffff in a reduction",
    edits: [{
      file: "kernels/cuda/device/reduce.h",
      find: "__shfl_xor_sync(kAllLanes, value, distance)",
      replace: "__shfl_xor_sync(0xffffu, value, distance)",
    }],
    check: ops("checked", "rms_norm_agrees_with_float64"),
    finds: /(lane outside its mask|missing lane): kernel rms_norm/,
  },
  {
    id: "14",
    name: "copies in reverse order",
    edits: [{
      file: "kernels/cuda/device/copies.cu",
      find: "    constexpr uint32_t kTogether = 4;",
      replace: `    for (uint32_t i = count; i-- > 0;) *at(uint32_t(to[i])) = *at(uint32_t(from[i]));
    if (count) return;
    constexpr uint32_t kTogether = 4;`,
    }],
    check: ops("checked", "slots_are_copied_one_after_another"),
    finds: /not so: same_bits/,
  },
  {
    id: "6",
    name: "tree mask bit off by one",
    edits: [{
      file: "kernels/cuda/device/attention_shape.h",
      find: "(tree >> beyond & 1)",
      replace: "(tree >> (beyond + 1) & 1)",
    }],
    check: attention("plain", "attention_to_trees_agrees_with_float64"),
    finds: /number \d+ of \d+ is .*, expected/,
  },
  {
    id: "7",
    name: "chunks of keys cut by physical instead of logical place",
    edits: [
      {
        file: "kernels/cuda/device/attention_shape.h",
        find: "uint32_t(arrays.visible[row]) + uint32_t(__popcll(arrays.tree_masks[row]));",
        replace: `uint32_t(arrays.visible[row]) +
                          (arrays.tree_masks[row] ? 64 - uint32_t(__clzll(int64_t(arrays.tree_masks[row]))) : 0);`,
      },
      {
        file: "kernels/cuda/device/attention_shape.h",
        find: "place + num_tree > last",
        replace: "place + 64 > last",
      },
      {
        file: "kernels/cuda/device/attention_shape.h",
        find: `left &= left - 1, ++place)
            if (place < from`,
        replace: `left &= left - 1)
            if (place = visible + __ffsll(int64_t(left)) - 1; place < from`,
      },
    ],
    check: attention("plain", "a_tree_is_the_same_as_straight_decoding"),
    finds: /not so: same_bits/,
  },
  {
    id: "8",
    name: "chunks merged in order of arrival",
    edits: [
      {
        file: "kernels/cuda/device/attention.cu",
        find: "constexpr uint32_t kMostSplits = 32;",
        replace: "constexpr uint32_t kMostSplits = 32;\n__device__ uint32_t arrivals;",
      },
      {
        file: "kernels/cuda/device/attention.cu",
        find: "                partial[i % dim] = memory.sums[i];",
        replace: `                partial[i % dim] = memory.sums[i];
                if (i % dim == 0) partial[dim + 2] = __uint_as_float(1 + atomicAdd(&arrivals, 1u));`,
      },
      {
        file: "kernels/cuda/device/attention_merge.cu",
        find: "        const float* partial = partials;",
        replace: `        uint32_t last = 0;
        const auto next = [&] {
            const float* first = nullptr;
            const auto arrival = [&](const float* of) { return __float_as_uint(of[dim + 2]); };
            for (uint32_t i = 0; i < num_chunks; ++i) {
                const float* each = partials + i * shape.partial_floats();
                if (arrival(each) > last && (!first || arrival(each) < arrival(first))) first = each;
            }
            last = arrival(first);
            return first;
        };
        const float* partial = next();`,
      },
      {
        file: "kernels/cuda/device/attention_merge.cu",
        find: "            partial += shape.partial_floats();",
        replace: "            partial = next();",
      },
    ],
    check: attention("plain", "attention_is_the_same_in_any_order_of_blocks"),
    finds: /not so: same_bits/,
  },
  {
    id: "9",
    name: "page offset without the modulo",
    edits: [{
      file: "kernels/cuda/device/attention_tile.h",
      find: "size_t(at % kv.page_size) * kv.head_dim",
      replace: "size_t(at) * kv.head_dim",
    }],
    check: attention("checked", "attention_in_short_agrees_with_float64"),
    finds: /number \d+ of \d+ is .*, expected|access out of bounds: .*attend/,
  },
  {
    id: "10",
    name: "running maximum begun at 0",
    edits: [{
      file: "kernels/cuda/device/attention.cu",
      find: "memory.softmax[threadIdx.x] = {kLowest, 0.0f};",
      replace: "memory.softmax[threadIdx.x] = {0.0f, 0.0f};",
    }],
    check: attention("plain", "attention_takes_scores_far_below_zero"),
    finds: /number \d+ of \d+ is .*nan, expected/,
  },
  {
    id: "2a",
    name: "cp.async waits one group too few",
    edits: [{
      file: "kernels/cuda/device/linear.h",
      find: "wait_copies<kStages - 2>();",
      replace: "wait_copies<kStages - 1>();",
    }],
    check: linear("checked", "linear_bf16_agrees"),
    finds: /cp\.async not waited for: kernel linear/,
  },
  {
    id: "2b",
    name: "cp.async waits one group too few, for many rows",
    edits: [{
      file: "kernels/cuda/device/linear_wide.h",
      find: "wait_copies<kStages - 2>();",
      replace: "wait_copies<kStages - 1>();",
    }],
    check: linear("checked", "linear_of_many_rows_f16"),
    finds: /cp\.async not waited for: kernel linear/,
  },
  {
    id: "4c",
    name: "`row < rows` made `<=` where x is read, for many rows",
    edits: [{
      file: "kernels/cuda/device/linear_wide.h",
      find: "row < rows ? a.cols : 0",
      replace: "row <= rows ? a.cols : 0",
    }],
    check: linear("checked", "linear_of_many_rows_f16"),
    finds: /(access out of bounds|read of what nobody wrote): kernel linear/,
  },
  {
    id: "3",
    name: "fragment rows swapped in the epilogue",
    edits: [{
      file: "kernels/cuda/device/linear_epilogue.h",
      find: "lane / 4 + i % 4 / 2 * 8;",
      replace: "lane / 4 + (1 - i % 4 / 2) * 8;",
    }],
    check: linear("plain", "linear_bf16_agrees"),
    finds: /product \d+ of \d+ is .*, expected/,
  },
  {
    id: "4a",
    name: "`row < rows` made `<=` where x is read",
    edits: [{
      file: "kernels/cuda/device/linear.h",
      find: "row < rows ? end : 0",
      replace: "row <= rows ? end : 0",
    }],
    check: linear("checked", "linear_bf16_agrees"),
    finds: /(access out of bounds|read of what nobody wrote): .*linear/,
  },
  {
    id: "4b",
    name: "`row < rows` made `<=` where out is written",
    edits: [{
      file: "kernels/cuda/device/linear_epilogue.h",
      find: "if (row < rows &&",
      replace: "if (row <= rows &&",
    }],
    check: linear("checked", "linear_bf16_agrees"),
    finds: /access out of bounds: .*linear/,
  },
  {
    id: "5",
    name: "K slices by the number of rows",
    edits: [{
      file: "kernels/cuda/device/linear.cu",
      find: "= num_slices(part.format, op.weight->rows, op.weight->cols);",
      replace: "= num_rows.most > 16 ? 1 : num_slices(part.format, op.weight->rows, op.weight->cols);",
    }],
    check: linear("plain", "linear_rows_keep_their_bits"),
    finds: /not so: same_bits/,
  },
  {
    id: "19a",
    name: "scale of the wrong quantised block: of another row",
    edits: [{
      file: "kernels/cuda/device/linear_quantized.h",
      find: "kLayout.scales_at()) + lane / 4;",
      replace: "kLayout.scales_at()) + (lane / 4 ^ 1);",
    }],
    check: linear("plain", "linear_q4_0_agrees"),
    finds: /product \d+ of \d+ is .*, expected/,
  },
  {
    id: "19b",
    name: "scale of the wrong quantised block: of other inputs",
    edits: [{
      file: "kernels/cuda/device/linear_quantized.h",
      find: "kLayout.num_scales == 2 ? half : 0",
      replace: "kLayout.num_scales == 2 ? 1 - half : 0",
    }],
    check: linear("plain", "linear_q6_k_agrees"),
    finds: /product \d+ of \d+ is .*, expected/,
  },
  {
    id: "11",
    name: "ties to the higher id",
    edits: [
      {
        file: "kernels/cuda/device/sampling.h",
        find: "return uint64_t(order) << 32 | (0xffffffffu - token);",
        replace: "return uint64_t(order) << 32 | token;",
      },
      {
        file: "kernels/cuda/device/sampling.h",
        find: "{ return 0xffffffffu - uint32_t(key); }",
        replace: "{ return uint32_t(key); }",
      },
    ],
    check: {
      test: SAMPLING,
      name: "temperature 0 takes the largest logit, the lowest token of equals [cuda-sim]",
    },
    finds: /AssertionError/,
  },
  {
    id: "12",
    name: "Philox counter + 1",
    edits: [{
      file: "kernels/cuda/device/sampling_rows.cu",
      find: "philox_uniform(with.seed_low, with.seed_high, uint32_t(with.position))",
      replace: "philox_uniform(with.seed_low, with.seed_high, uint32_t(with.position) + 1)",
    }],
    check: {
      test: SAMPLING,
      name: "draws use Philox 4x32-10 keyed by the 64-bit seed and counted by position [cuda-sim]",
    },
    finds: /AssertionError/,
  },
  {
    id: "15a",
    name: "num_rows baked into a graph: as the batch was at its capture",
    edits: [{
      file: "kernels/cuda/run_ops.cpp",
      find: "launch.max_rows = bucket ? bucket->num_rows : counts.num_rows;",
      replace: "launch.max_rows = counts.num_rows;",
    }],
    check: { test: GRAPH, name: "a graph gives the bits of its ops launched one by one, whatever the batch" },
    finds: /AssertionError/,
  },
  {
    id: "15b",
    name: "num_rows baked into a graph: as many as it has room for",
    edits: [{
      file: "kernels/cuda/device/op_rows.h",
      find: "return counts.num_rows < most ? counts.num_rows : most;",
      replace: "return most;",
    }],
    check: { test: GRAPH, name: "a graph gives the bits of its ops launched one by one, whatever the batch" },
    finds: /AssertionError|cuda-sim: /,
  },
  {
    id: "16a",
    name: "one staging block instead of three, for uploads",
    edits: [{
      file: "kernels/cuda/memory.cpp",
      find: `        current_ = (current_ + 1) % kNumSegments;
        wait_for_event(copied_[current_], "upload");
`,
      replace: "",
    }],
    check: { test: BACKEND, name: "uploads of many segments arrive whole" },
    finds: /cuda-sim: staging rewritten before its copy/,
  },
  {
    id: "16b",
    name: "one staging block instead of three, for weights",
    edits: [{
      file: "kernels/cuda/loader.cpp",
      find: `    current_ = (current_ + 1) % kNumSegments;
    Segment& segment = segments_[current_];
    wait_for_event(segment.copied, "weight_pack");
`,
      replace: "    Segment& segment = segments_[current_];\n",
    }],
    check: { test: BACKEND, name: "a weight of many pieces is loaded beside the work before it" },
    finds: /cuda-sim: staging rewritten before its copy/,
  },
  {
    id: "17a",
    name: "results read without wait: of a tensor",
    edits: [{
      file: "kernels/cuda/memory.cpp",
      find: `        expect_success(cudaStreamSynchronize(stream_), "download");\n`,
      replace: "",
    }],
    check: { test: BACKEND, name: "uploads of many segments arrive whole" },
    finds: /cuda-sim: result used before it was waited for/,
  },
  {
    id: "17b",
    name: "results read without wait: of a draw",
    edits: [{
      file: "kernels/cuda/sampler.cpp",
      find: "    completion.wait(draw.number);\n",
      replace: "    (void)completion;\n",
    }],
    check: {
      test: LOGPROBS,
      name: "the last four launches' results are there, each with its own parameters [cuda-sim]",
    },
    finds: /cuda-sim: result used before it was waited for/,
  },
  {
    id: "20",
    name: "copy on another stream without an event",
    edits: [{
      file: "kernels/cuda/loader.cpp",
      find: `expect_success(cudaStreamWaitEvent(stream, sent_, 0), "weight_pack");`,
      replace: "(void)stream;",
    }],
    check: { test: BACKEND, name: "a weight of many pieces is loaded beside the work before it" },
    finds: /cuda-sim: (unordered work|read of what nobody wrote)/,
  },
  {
    id: "21a",
    name: "masks a word too short where the last is not full",
    edits: [{
      file: "kernels/cuda/device/sampling.h",
      find: "size_t(found.row->mask) * ((on.vocab + 31) / 32)",
      replace: "size_t(found.row->mask) * (on.vocab / 32)",
    }],
    check: {
      test: MASKS,
      name: "rows may share a mask, and a write without any has none [cuda-sim]",
    },
    finds: /AssertionError/,
  },
  {
    id: "21b",
    name: "a token that may not be drawn counts as one of logit -infinity",
    edits: [{
      file: "kernels/cuda/device/sampling_tiles.cu",
      find: "            if (!row.allows(first + i)) continue;\n            const uint64_t key",
      replace: "            const uint64_t key",
    }],
    check: {
      test: MASKS,
      name: "a mask that allows no token draws -1 and spares its neighbours [cuda-sim]",
    },
    finds: /AssertionError|cuda-sim: read of what nobody wrote/,
  },
  {
    id: "21c",
    name: "masks not copied where the parameters travel with the batch",
    edits: [{
      file: "kernels/cuda/work_copies.cpp",
      find: `        sampler_of(op).copy_masks(memory_);
        const Batch* const batch = batch_of(op);
        if (!batch || batch->appended != sampler_of(op).version()) sampler_of(op).copy_inputs(memory_);
`,
      replace: `        const Batch* const batch = batch_of(op);
        if (batch && batch->appended == sampler_of(op).version()) continue;
        sampler_of(op).copy_masks(memory_);
        sampler_of(op).copy_inputs(memory_);
`,
    }],
    check: {
      test: DRAWING,
      name: "a captured graph draws as the host last said, of as many outputs as there are",
    },
    finds: /AssertionError|cuda-sim: read of what nobody wrote/,
  },
  {
    id: "18",
    name: "a device pointer read on the host",
    edits: [{
      file: "kernels/cuda/run_ops.cpp",
      find: "const BatchCounts& counts = batch->block().counts;",
      replace: "const BatchCounts& counts = *reinterpret_cast<const BatchCounts*>(device_block(*batch));",
    }],
    check: {
      test: "tests/kernels/rows_test.ts",
      name: "gather_rows takes what the sources name at replay, repeated ones too [cuda-sim]",
    },
    finds: /cuda-sim: device memory used by the host/,
  },
];
