// A schema for tests: one collection of notes, which are texts, and one of numbers.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

#include "base/store/schema.h"
#include "base/store/store.h"

namespace sluice::store {

struct Note {
  std::string text;
};

struct Notes {
  Collection<Note> notes;
  Collection<int> numbers;

  static Notes add_to(Schema& schema) {
    return {schema.add<Note>("note", &note_to_json, &note_from_json),
            schema.add<int>("number", &number_to_json, &number_from_json)};
  }

 private:
  static nlohmann::json note_to_json(const Note& note) { return {{"text", note.text}}; }
  static Result<Note> note_from_json(const nlohmann::json& json) {
    if (!json.is_object() || !json.contains("text")) return bad_field("text", "is required");
    return Note{json["text"]};
  }
  static nlohmann::json number_to_json(const int& number) { return number; }
  static Result<int> number_from_json(const nlohmann::json& json) { return json.get<int>(); }
};

// A directory of its own, removed at the end.
class TestDirectory {
 public:
  TestDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  std::string file(const char* name = "test.db") const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline std::unique_ptr<Store> open_notes(const std::string& path, const Clock& clock,
                                         Notes& notes) {
  Schema schema;
  notes = Notes::add_to(schema);
  auto store = Store::open(path, std::move(schema), clock);
  if (!store) throw std::runtime_error(store.error().to_string());
  return std::move(*store);
}

}  // namespace sluice::store
