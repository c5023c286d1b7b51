# CUDA as a language of the project, in C++20: an older CMake does not know the options of a newer nvcc.
enable_language(CUDA)
foreach(kind STANDARD EXTENSION)
  if(NOT CMAKE_CUDA20_${kind}_COMPILE_OPTION)
    set(CMAKE_CUDA20_${kind}_COMPILE_OPTION -std=c++20)
  endif()
endforeach()
