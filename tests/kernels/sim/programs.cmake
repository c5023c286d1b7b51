# Test programs on the simulator: the same cases with kernels as they are (plain) and with access checks (checked).
set(CMAKE_CXX_STANDARD 20)
get_filename_component(ROOT ${CMAKE_CURRENT_LIST_DIR}/../../.. ABSOLUTE)
add_subdirectory(${ROOT}/kernels/sim sim)

# `kernels` are CUDA sources; what follows are the cases and what else they need, besides their main().
function(aerie_test_programs kernels)
  add_library(cases OBJECT ${ROOT}/tests/kernels/sim/native/main.cpp ${ARGN})
  target_include_directories(cases PRIVATE ${ROOT}/tests/kernels/sim/native ${ROOT}/tests/kernels/cuda/ops
                                           ${ROOT}/kernels/include)
  target_compile_options(cases PRIVATE -Wall -Wextra)
  target_link_libraries(cases PUBLIC aerie_sim)
  foreach(build plain checked)
    add_executable(${build})
    target_link_libraries(${build} PRIVATE cases)
    string(TOUPPER ${build} mode)
    aerie_sim_sources(${build} ${mode} ${kernels})
    target_include_directories(${build}_kernels PRIVATE ${ROOT}/kernels/include)
  endforeach()
endfunction()
