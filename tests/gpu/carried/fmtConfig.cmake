# {fmt} of the folder that ./dev gpu-pack makes; its headers can do without its library.
if(NOT TARGET fmt::fmt)
  add_library(fmt::fmt INTERFACE IMPORTED)
  target_include_directories(fmt::fmt INTERFACE ${CMAKE_CURRENT_LIST_DIR}/../include)
  target_compile_definitions(fmt::fmt INTERFACE FMT_HEADER_ONLY)
endif()
