# Writes OUTPUT, a C++ file with the page of this folder (DIRECTORY): page.html with its style and its scripts in place.
# Run as: cmake -D DIRECTORY=... -D OUTPUT=... -P embed.cmake
set(scripts base plan map timeline tables charts page)

file(READ ${DIRECTORY}/page.html page)
file(READ ${DIRECTORY}/page.css css)
set(js "")
foreach(script IN LISTS scripts)
  file(READ ${DIRECTORY}/${script}.js text)
  string(APPEND js "${text}")
endforeach()
string(REPLACE "@REPORT_CSS@" "${css}" page "${page}")
string(REPLACE "@REPORT_JS@" "${js}" page "${page}")

string(FIND "${page}" "@REPORT_FIGURES@" figures)
string(REPLACE "@REPORT_FIGURES@" "" page "${page}")
string(FIND "${page}" "@REPORT_DATA@" data)
string(REPLACE "@REPORT_DATA@" "" page "${page}")
math(EXPR between "${data} - ${figures}")
string(SUBSTRING "${page}" 0 ${figures} head)
string(SUBSTRING "${page}" ${figures} ${between} middle)
string(SUBSTRING "${page}" ${data} -1 tail)
file(WRITE ${OUTPUT} "#include \"common/report_page.h\"

namespace sluice::samples {

const std::string_view report_page_head = R\"page(${head})page\";
const std::string_view report_page_middle = R\"page(${middle})page\";
const std::string_view report_page_tail = R\"page(${tail})page\";

}  // namespace sluice::samples
")
