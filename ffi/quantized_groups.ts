/**
 * Matrices whose numbers, scales and zero points lie apart, as quantisers' checkpoints have them.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { Format, QuantLayout } from "./enums.ts";
import type { FileId, WeightId } from "./handles.ts";

/** A tensor's place in a mapped file. */
export interface FilePlace {
  readonly file: FileId;
  /** Bytes from the start of the file. */
  readonly offset: number;
}

/** The tensors of a quantised matrix, whose shapes aerie.h gives by layout. */
export interface QuantizedGroups {
  readonly layout: keyof typeof QuantLayout;
  readonly numbers: FilePlace;
  readonly scales: FilePlace & { readonly format: keyof typeof Format };
  readonly zeros?: FilePlace;
  readonly groups?: FilePlace;
  /** Rows that a scale is for. */
  readonly groupRows: number;
  /** Inputs that a scale is for. */
  readonly groupCols: number;
}

/** Appends rows of such a matrix below those appended before. */
export function appendGroups(
  context: Context,
  weight: WeightId,
  { layout, numbers, scales, zeros, groups, groupRows, groupCols }: QuantizedGroups,
  numRows: number,
): void {
  context.check(context.native.aerie_weight_append_groups(
    context.id,
    weight,
    QuantLayout[layout],
    numbers.file,
    BigInt(numbers.offset),
    scales.file,
    BigInt(scales.offset),
    Format[scales.format],
    zeros?.file ?? 0,
    BigInt(zeros?.offset ?? 0),
    groups?.file ?? 0,
    BigInt(groups?.offset ?? 0),
    numRows,
    groupRows,
    groupCols,
  ));
}
