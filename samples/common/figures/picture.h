#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::samples {

/// A point of a picture, to the right and down.
struct Point {
  double x = 0, y = 0;
};

/// How a line or an outline is drawn; no colour: not at all.
struct Stroke {
  std::string_view colour = {};
  double width = 1;
  std::string_view dash = {};  ///< lengths of dashes and gaps, as "6 3"
};

enum class Anchor { start, middle, end };

/// How a text is written. `rim`: with an edge in the paper's colour, so that lines behind it do not touch it.
struct TextStyle {
  Anchor anchor = Anchor::start;
  double size = 12;
  std::string_view colour = "ink";
  bool bold = false, rim = true;
};

/// A drawing that becomes one SVG file which needs no other. A colour is a name of the page's light theme
/// (report/page.css), or "#rrggbb".
class Picture {
 public:
  /// `description`: for readers who do not see the picture.
  Picture(double width, std::string description);

  double width() const { return width_; }
  void rectangle(double x, double y, double width, double height, std::string_view fill, const Stroke& stroke = {});
  void line(Point from, Point to, const Stroke& stroke);
  void polyline(const std::vector<Point>& points, const Stroke& stroke);
  void polygon(const std::vector<Point>& points, std::string_view fill);
  void circle(Point centre, double radius, std::string_view fill, const Stroke& stroke);
  void text(const std::string& words, Point at, const TextStyle& style = {});

  /// The file, `height` high.
  std::string svg(double height) const;

 private:
  double width_;
  std::string description_, body_;
};

/// The width of a text in a picture, a little more rather than less.
double width_of(std::string_view text, double size = 12);

}  // namespace sluice::samples
