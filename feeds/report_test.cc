#include "feeds/report.h"

#include "feeds/line_splitter.h"

namespace sluice::feeds {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Report, ReadsEveryType) {
  auto cell = parse_report(
      R"({"type":"cell","timeMs":7,"cellId":"c1","zoneId":"z1","connectionType":"5G NR",
      "operationStatus":"Serviceable","latitude":48.1,"longitude":11.5,"timezone":"Europe/Berlin"})");
  ASSERT_TRUE(cell) << cell.error().to_string();
  const auto& map = std::get<CellReport>(cell->what);
  EXPECT_EQ(map.zone, "z1");
  EXPECT_EQ(map.technology, Technology::kNr);
  EXPECT_EQ(map.place->at, (Coordinates{48.1, 11.5}));

  auto position =
      parse_report(R"({"type":"position","timeMs":8,"user":"acr:1","cellId":"c1","latitude":-1,
      "longitude":180,"uncertaintyM":12,"bearingDeg":90,"speedKmh":50})");
  ASSERT_TRUE(position) << position.error().to_string();
  EXPECT_EQ(position->cell, "c1");
  EXPECT_EQ(std::get<PositionReport>(position->what).fix->uncertainty_m, 12u);

  auto measurement = parse_report(R"({"type":"measurement","timeMs":9,"user":"acr:1","cellId":"c1",
      "rsrpDbm":-90.5,"timingAdvance":3,"neighbours":[{"cellId":"c2","rsrqDb":-10}]})");
  ASSERT_TRUE(measurement) << measurement.error().to_string();
  const auto& signals = std::get<MeasurementReport>(measurement->what);
  EXPECT_EQ(signals.serving.rsrp_dbm, -90.5f);
  EXPECT_FALSE(signals.serving.sinr_db);
  EXPECT_EQ(signals.neighbours.at(0).cell, "c2");

  auto bearer = parse_report(
      R"({"type":"bearer","timeMs":9,"user":"acr:1","bearerId":5,"state":"RELEASED","qosClass":9})");
  ASSERT_TRUE(bearer) << bearer.error().to_string();
  EXPECT_TRUE(std::get<BearerReport>(bearer->what).released);
  EXPECT_TRUE(parse_report(R"({"type":"detach","timeMs":9,"user":"acr:1"})"));
  EXPECT_TRUE(parse_report(R"({"type":"cell","timeMs":7,"cellId":"c1","removed":true})"));
}

TEST(Report, NamesTheMemberThatIsWrong) {
  const struct {
    const char* line;
    const char* complaint;
  } kCases[] = {
      {"nonsense", "not JSON"},
      {"[]", "a report is a JSON object"},
      {R"({"timeMs":1})", "type: is required"},
      {R"({"type":"weather","timeMs":1})", "type: must be one of cell, position"},
      {R"({"type":"detach","user":"u"})", "timeMs: is required"},
      {R"({"type":"detach","timeMs":"1","user":"u"})", "timeMs: must be an integer"},
      {R"({"type":"detach","timeMs":18446744073709551615,"user":"u"})",
       "timeMs: must be an integer"},
      {R"({"type":"detach","timeMs":1,"user":"a b"})", "user: must be 1 to 128 printable"},
      {R"({"type":"detach","timeMs":1,"user":"u","cellId":"c"})", "has members that this type"},
      {R"({"type":"position","timeMs":1,"user":"u"})", "latitude: is required"},
      {R"({"type":"position","timeMs":1,"user":"u","latitude":1})", "longitude: is required"},
      {R"({"type":"position","timeMs":1,"user":"u","cellId":"c","altitudeM":1})",
       "latitude: is required"},
      {R"({"type":"position","timeMs":1,"user":"u","latitude":90.1,"longitude":0})",
       "latitude: must be a number"},
      {R"({"type":"position","timeMs":1,"user":"u","latitude":0,"longitude":0,"speedKmh":1})",
       "speedKmh: comes with"},
      {R"({"type":"cell","timeMs":1,"cellId":"c","connectionType":"LTE"})", "zoneId: is required"},
      {R"({"type":"cell","timeMs":1,"cellId":"c","zoneId":"z","connectionType":"6G"})",
       "connectionType: must be"},
      {R"({"type":"bearer","timeMs":1,"user":"u","bearerId":64,"state":"ACTIVE"})",
       "bearerId: must be"},
      {R"({"type":"measurement","timeMs":1,"user":"u","neighbours":[{"rsrpDbm":-90}]})",
       "neighbours[0].cellId: is"},
      {R"({"type":"measurement","timeMs":1,"user":"u","neighbours":[1]})",
       "neighbours[0]: must be an object"},
      {R"({"type":"measurement","timeMs":1,"user":"u","rsrpDbm":0})", "rsrpDbm: must be a number"},
      {R"({"type":"detach","timeMs":1,"user":[[[[[1]]]]]})", "nested deeper than 4"},
      {R"({"type":"detach","timeMs":1,"timeMs":2,"user":"u"})", "appears twice"},
  };
  for (const auto& c : kCases) {
    const auto report = parse_report(c.line);
    ASSERT_FALSE(report) << c.line;
    EXPECT_THAT(report.error().to_string(), HasSubstr(c.complaint)) << c.line;
  }
}

TEST(LineSplitter, CutsLinesWhateverPiecesTheyComeIn) {
  const std::string text = "ab\r\n\nlonger than six\nexact6\nexact6\r\ntail";
  for (size_t piece = 1; piece <= text.size(); ++piece) {
    LineSplitter splitter(6);
    std::vector<std::string> seen;
    const auto line = [&](uint64_t number, std::string_view found) {
      seen.push_back(std::to_string(number) + ":" + std::string(found));
    };
    const auto too_long = [&](uint64_t number) {
      seen.push_back(std::to_string(number) + " too long");
    };
    for (size_t at = 0; at < text.size(); at += piece)
      splitter.take(text.substr(at, piece), line, too_long);
    splitter.end(line, too_long);
    EXPECT_THAT(seen, ElementsAre("1:ab", "2:", "3 too long", "4:exact6", "5:exact6", "6:tail"))
        << piece;
  }
}

}  // namespace
}  // namespace sluice::feeds
