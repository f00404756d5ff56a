#include "common/figures/picture.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/report_page.h"

namespace sluice::samples {
namespace {

/// The value of a colour's name in the page's style, whose first rule is the light theme.
std::string_view value_of(std::string_view colour) {
  if (colour.empty()) return "none";
  if (colour.front() == '#') return colour;
  const std::string name = fmt::format("--{}: ", colour);
  const std::size_t at = report_page_head.find(name);
  if (at == std::string_view::npos) return "#000000";
  const std::string_view rest = report_page_head.substr(at + name.size());
  return rest.substr(0, rest.find(';'));
}

/// As text of XML: without markup and what XML forbids. Bytes that are no UTF-8 become U+FFFD.
std::string escaped(const std::string& text) {
  using Json = nlohmann::json;
  const auto valid = Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
  std::string result;
  for (const char c : valid) {
    if (c == '&')
      result += "&amp;";
    else if (c == '<')
      result += "&lt;";
    else if (c == '>')
      result += "&gt;";
    else if (c == '"')
      result += "&quot;";
    else
      result += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return result;
}

std::string attributes(const Stroke& stroke) {
  if (stroke.colour.empty()) return "";
  return fmt::format(R"( stroke="{}" stroke-width="{:.4g}"{})", value_of(stroke.colour), stroke.width,
                     stroke.dash.empty() ? "" : fmt::format(R"( stroke-dasharray="{}")", stroke.dash));
}

std::string list(const std::vector<Point>& points) {
  std::string text;
  for (const Point& point : points) text += fmt::format("{:.1f},{:.1f} ", point.x, point.y);
  return text;
}

}  // namespace

double width_of(std::string_view text, double size) {
  const auto begins_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<double>(std::count_if(text.begin(), text.end(), begins_character)) * size * 0.58;
}

Picture::Picture(double width, std::string description) : width_(width), description_(std::move(description)) {}

void Picture::rectangle(double x, double y, double width, double height, std::string_view fill, const Stroke& stroke) {
  body_ += fmt::format(R"(<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" fill="{}"{}/>)"
                       "\n",
                       x, y, width, height, value_of(fill), attributes(stroke));
}

void Picture::line(Point from, Point to, const Stroke& stroke) {
  body_ += fmt::format(R"(<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"{}/>)"
                       "\n",
                       from.x, from.y, to.x, to.y, attributes(stroke));
}

void Picture::polyline(const std::vector<Point>& points, const Stroke& stroke) {
  body_ += fmt::format(R"(<polyline points="{}" fill="none"{}/>)"
                       "\n",
                       list(points), attributes(stroke));
}

void Picture::polygon(const std::vector<Point>& points, std::string_view fill) {
  body_ += fmt::format(R"(<polygon points="{}" fill="{}"/>)"
                       "\n",
                       list(points), value_of(fill));
}

void Picture::circle(Point centre, double radius, std::string_view fill, const Stroke& stroke) {
  body_ += fmt::format(R"(<circle cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill="{}"{}/>)"
                       "\n",
                       centre.x, centre.y, radius, value_of(fill), attributes(stroke));
}

void Picture::text(const std::string& words, Point at, const TextStyle& style) {
  const char* const anchor = style.anchor == Anchor::start    ? "start"
                             : style.anchor == Anchor::middle ? "middle"
                                                              : "end";
  const std::string rim =
      fmt::format(R"( stroke="{}" stroke-width="3" stroke-linejoin="round" paint-order="stroke")", value_of("surface"));
  body_ += fmt::format(R"(<text x="{:.1f}" y="{:.1f}" text-anchor="{}" font-size="{:.4g}" fill="{}"{}{}>{}</text>)"
                       "\n",
                       at.x, at.y, anchor, style.size, value_of(style.colour),
                       style.bold ? R"( font-weight="600")" : "", style.rim ? rim : "", escaped(words));
}

std::string Picture::svg(double height) const {
  return fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0f}" height="{1:.0f}" viewBox="0 0 {0:.0f} {1:.0f}" )"
      R"(role="img" aria-label="{2}" font-family="system-ui, 'Segoe UI', Helvetica, Arial, sans-serif">)"
      "\n"
      R"(<rect width="100%" height="100%" fill="{3}"/>)"
      "\n{4}</svg>\n",
      width_, height, escaped(description_), value_of("surface"), body_);
}

}  // namespace sluice::samples
