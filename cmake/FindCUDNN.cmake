# Finds cuDNN; target CUDNN::cudnn. It may be a system package, part of the toolkit, or a pip or conda package.
set(hints ${CUDNN_ROOT} $ENV{CUDNN_ROOT} ${CUDAToolkit_TARGET_DIR} ${CUDAToolkit_BIN_DIR}/.. $ENV{CUDA_HOME} $ENV{CONDA_PREFIX})
file(GLOB wheels $ENV{VIRTUAL_ENV}/lib/python3*/site-packages/nvidia/cudnn)
list(APPEND hints ${wheels})
find_path(CUDNN_INCLUDE_DIR NAMES cudnn_version.h HINTS ${hints} PATH_SUFFIXES include)
if(NOT CUDNN_INCLUDE_DIR)
  find_program(CUDNN_PYTHON python3)
  mark_as_advanced(CUDNN_PYTHON)
  if(CUDNN_PYTHON)
    execute_process(COMMAND ${CUDNN_PYTHON} -c "import nvidia.cudnn as c; print(list(c.__path__)[0])"
      OUTPUT_VARIABLE wheel OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
    find_path(CUDNN_INCLUDE_DIR NAMES cudnn_version.h HINTS ${wheel} PATH_SUFFIXES include)
  endif()
endif()

if(CUDNN_INCLUDE_DIR)
  foreach(part MAJOR MINOR PATCHLEVEL)
    file(STRINGS ${CUDNN_INCLUDE_DIR}/cudnn_version.h line REGEX "#define CUDNN_${part} +[0-9]+")
    string(REGEX MATCH "[0-9]+" CUDNN_${part} "${line}")
  endforeach()
  set(CUDNN_VERSION ${CUDNN_MAJOR}.${CUDNN_MINOR}.${CUDNN_PATCHLEVEL})
  # The library beside the header first, so that the two agree; wheels have only the versioned name.
  cmake_path(GET CUDNN_INCLUDE_DIR PARENT_PATH root)
  set(names cudnn libcudnn.so.${CUDNN_MAJOR})
  find_library(CUDNN_LIBRARY NAMES ${names} HINTS ${root} PATH_SUFFIXES lib lib64 NO_DEFAULT_PATH)
  find_library(CUDNN_LIBRARY NAMES ${names} HINTS ${hints} PATH_SUFFIXES lib lib64)
endif()
mark_as_advanced(CUDNN_INCLUDE_DIR CUDNN_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CUDNN REQUIRED_VARS CUDNN_LIBRARY CUDNN_INCLUDE_DIR VERSION_VAR CUDNN_VERSION)

if(CUDNN_FOUND AND NOT TARGET CUDNN::cudnn)
  add_library(CUDNN::cudnn UNKNOWN IMPORTED)
  set_target_properties(CUDNN::cudnn PROPERTIES
    IMPORTED_LOCATION ${CUDNN_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${CUDNN_INCLUDE_DIR})
endif()
