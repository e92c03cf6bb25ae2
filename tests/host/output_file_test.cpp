// Output files: whole or absent, and honest about what could not be written.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "levelscan/error.hpp"
#include "output/output_file.hpp"
#include "support/temporary_directory.hpp"

namespace levelscan {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public ::testing::Test {
 protected:
  std::string path(char const* name) const { return directory_ / name; }
  static std::string content(std::string const& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(directory_.path()), {});
  }

  testing::TemporaryDirectory directory_;
};

TEST_F(OutputFileTest, AppearsWhenComplete) {
  std::string const large(1 << 20, 'x');
  {
    OutputFile file(path("out"));
    file.write("first ");
    file.write(large);
    file.flush();
    EXPECT_FALSE(fs::exists(path("out")));
    EXPECT_EQ(files(), 1);
    file.write(" last");
    file.commit();
  }
  EXPECT_EQ(content(path("out")), "first " + large + " last");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, LeavesTheOldFileWhenAbandoned) {
  std::ofstream(path("out")) << "old";
  {
    OutputFile file(path("out"));
    file.write("new");
    file.flush();
  }
  EXPECT_EQ(content(path("out")), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(OutputFileTest, MakesTheFileThatALinkLeadsTo) {
  fs::create_directory(path("elsewhere"));
  fs::create_symlink("elsewhere/target", path("link"));
  {
    OutputFile file(path("link"));
    file.write("new");
    file.commit();
  }
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(content(path("elsewhere/target")), "new");
}

TEST_F(OutputFileTest, KeepsModeAndSymbolicLink) {
  std::ofstream(path("target")) << "old";
  fs::permissions(path("target"), fs::perms(0600));
  fs::create_symlink(path("target"), path("link"));
  {
    OutputFile file(path("link"));
    file.write("new");
    file.commit();
  }
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(content(path("target")), "new");
  EXPECT_EQ(fs::status(path("target")).permissions(), fs::perms(0600));
}

TEST_F(OutputFileTest, WritesToWhatIsNoFileInPlace) {
  OutputFile file("/dev/null");
  file.write("gone");
  file.commit();
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputFileTest, FullDiskIsARuntimeError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full";
  OutputFile file("/dev/full");
  file.write("text");
  try {
    file.commit();
    FAIL() << "no error";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kRuntime);
    EXPECT_NE(std::string(error.what()).find("No space left"), std::string::npos) << error.what();
    EXPECT_FALSE(file.reader_gone());
  }
}

TEST_F(OutputFileTest, DirectoriesThatCannotBeWrittenAreNamed) {
  try {
    OutputFile file(path("missing/out"));
    FAIL() << "no error";
  } catch (Error const& error) {
    EXPECT_EQ(error.code(), ErrorCode::kRuntime);
    EXPECT_NE(std::string(error.what()).find("missing/out"), std::string::npos);
  }
  EXPECT_THROW(OutputFile file(directory_.path()), Error);
}

TEST_F(OutputFileTest, KnowsThatTheReaderHasGone) {
  std::signal(SIGPIPE, SIG_IGN);
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  int const reader = ::open(path("pipe").c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  OutputFile file(path("pipe"));
  file.write("text");
  file.flush();
  ::close(reader);
  file.write("text");
  EXPECT_THROW(file.flush(), Error);
  EXPECT_TRUE(file.reader_gone());
}

}  // namespace
}  // namespace levelscan
