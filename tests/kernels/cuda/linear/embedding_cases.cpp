// Rows of weights read back.
#include "cases_of_linear.h"

CASE(embedding_reads_rows) {
    expect_embedding({{AERIE_FORMAT_BF16, 35}}, 37, AERIE_BF16);
    expect_embedding({{AERIE_FORMAT_F32, 18, 6}}, 130, AERIE_F16);
    expect_embedding({{AERIE_FORMAT_F32, 17}}, 19, AERIE_F32);
}
