// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <random>

#include "base/readers.h"
#include "support/faulty_reader.h"

namespace starglass {
namespace {

using testing::HasSubstr;

constexpr std::int64_t kMiB = 1 << 20;

// A file of its own that is gone with the object. Word i of it is a hash of i.
class SampleFile {
public:
    explicit SampleFile(std::int64_t bytes, const std::string& folder = SG_SCRATCH_DIR)
        : path_(fmt::format("{}/reader_{}_{}.bin", folder, ::getpid(), counter_++)),
          bytes_(static_cast<std::size_t>((bytes + 7) / 8 * 8)) {
        for (std::size_t word = 0; word < bytes_.size() / 8; ++word) {
            std::uint64_t value = word * 0x9E3779B97F4A7C15U;
            value ^= value >> 29;
            std::memcpy(bytes_.data() + 8 * word, &value, 8);
        }
        bytes_.resize(static_cast<std::size_t>(bytes));
        const int descriptor =
            ::open(path_.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
        EXPECT_GE(descriptor, 0) << path_ << ": " << std::strerror(errno);
        for (std::size_t at = 0; at < bytes_.size();) {
            const ssize_t wrote = ::write(descriptor, bytes_.data() + at, bytes_.size() - at);
            if (wrote <= 0) {
                ADD_FAILURE() << path_ << ": " << std::strerror(errno);
                break;
            }
            at += static_cast<std::size_t>(wrote);
        }
        ::fsync(descriptor);
        ::posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
        ::close(descriptor);
    }
    ~SampleFile() { ::unlink(path_.c_str()); }
    SampleFile(const SampleFile&) = delete;
    SampleFile& operator=(const SampleFile&) = delete;

    const std::string& path() const { return path_; }
    std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size()); }

    // `got` is what lies at `offset`.
    bool holds(std::int64_t offset, std::span<const std::byte> got) const {
        return offset + static_cast<std::int64_t>(got.size()) <= size() &&
               std::memcmp(bytes_.data() + offset, got.data(), got.size()) == 0;
    }

    // Pages of the file in the page cache.
    int pages_cached() const {
        const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        void* const map = ::mmap(nullptr, bytes_.size(), PROT_READ, MAP_SHARED, descriptor, 0);
        ::close(descriptor);
        if (map == MAP_FAILED) return -1;
        std::vector<unsigned char> resident((bytes_.size() + 4095) / 4096);
        const int status = ::mincore(map, bytes_.size(), resident.data());
        ::munmap(map, bytes_.size());
        if (status != 0) return -1;
        return static_cast<int>(std::count_if(resident.begin(), resident.end(),
                                              [](unsigned char page) { return (page & 1) != 0; }));
    }

private:
    static inline int counter_ = 0;
    std::string path_;
    std::vector<std::byte> bytes_;
};

// Memory that begins on a page.
class Pages {
public:
    explicit Pages(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)) {
        data_ = static_cast<std::byte*>(
            ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    }
    ~Pages() { ::munmap(data_, bytes_); }
    Pages(const Pages&) = delete;
    Pages& operator=(const Pages&) = delete;
    std::byte* at(std::int64_t offset) const { return data_ + offset; }
    std::span<std::byte> span() const { return {data_, bytes_}; }
    std::span<std::byte> part(std::int64_t offset, std::int64_t bytes) const {
        return span().subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(bytes));
    }

private:
    std::byte* data_;
    std::size_t bytes_;
};

// What a body returns in a process of its own, whose limits do not matter afterwards; it says on
// stderr what it does not like.
int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(body());
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#define CHILD_EXPECT(condition)                                             \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fmt::print(stderr, "{}: {} is not so\n", __LINE__, #condition); \
            return 1;                                                       \
        }                                                                   \
    } while (false)

struct Kind {
    std::string name;
    std::function<Result<std::unique_ptr<AsyncReader>>()> make;
};

std::ostream& operator<<(std::ostream& stream, const Kind& kind) {
    return stream << kind.name;
}

// The decorator of other tests keeps the rules too.
Result<std::unique_ptr<AsyncReader>> harmless() {
    TRY(auto inner, make_async_reader(""));
    return std::make_unique<FaultyReader>(std::move(inner));
}

// Small pieces and small rings, so that short files have many of both.
const std::vector<Kind>& kinds() {
    static const std::vector<Kind> all{
        {"io_uring", [] { return make_async_reader("io_uring"); }},
        {"io_uring_narrow", [] { return make_uring_reader(3, 8192); }},
        {"threads", [] { return make_async_reader("threads"); }},
        {"threads_narrow", [] { return make_thread_reader(2, 8192); }},
        {"faulty", [] { return harmless(); }},
    };
    return all;
}

class AsyncReaderTest : public testing::TestWithParam<Kind> {
protected:
    void SetUp() override {
        auto made = GetParam().make();
        if (!made && made.error().code == ErrorCode::unsupported)
            GTEST_SKIP() << made.error().message;
        ASSERT_TRUE(made) << made.error().message;
        reader_ = std::move(*made);
    }

    // Takes all that are pending; each tag once.
    std::map<std::uint64_t, ReadCompletion> drain() {
        std::map<std::uint64_t, ReadCompletion> all;
        std::vector<ReadCompletion> block(7);
        while (reader_->pending() > 0) {
            const std::size_t count = reader_->take(block, true);
            EXPECT_GE(count, 1U);
            if (count == 0) break;
            for (std::size_t at = 0; at < count; ++at) {
                EXPECT_GE(block[at].seconds, 0);
                EXPECT_TRUE(all.emplace(block[at].tag, block[at]).second)
                    << "tag " << block[at].tag << " completed twice";
            }
        }
        EXPECT_EQ(reader_->take(block, true), 0U);
        EXPECT_EQ(reader_->take(block, false), 0U);
        return all;
    }

    ReadCompletion read(const ReadFile& file, const ReadRequest& request) {
        reader_->submit(file, {&request, 1});
        const auto all = drain();
        EXPECT_EQ(all.size(), 1U);
        return all.empty() ? ReadCompletion{} : all.begin()->second;
    }

    std::unique_ptr<AsyncReader> reader_;
};

ReadFile open(const SampleFile& sample, bool direct) {
    auto file = ReadFile::open(sample.path(), direct);
    EXPECT_TRUE(file) << file.error().message;
    EXPECT_EQ(file->size(), sample.size());
    EXPECT_TRUE(file->unchanged());
    return std::move(*file);
}

TEST_P(AsyncReaderTest, ReadsWhatTheFileHolds) {
    const SampleFile sample(6 * kMiB + 1000);
    for (const bool direct : {true, false}) {
        for (const bool pin : {false, true}) {
            const ReadFile file = open(sample, direct);
            SCOPED_TRACE(fmt::format("direct {} pinned {}", file.direct(), pin));
            const std::int64_t unit = file.direct() ? file.alignment() : 1;
            constexpr int kRequests = 300;  // more than any ring holds
            constexpr std::int64_t kRoom = 256 << 10;
            const Pages memory(kRequests * kRoom);
            // Half of it, so that pinned and other memory mix.
            const auto half = memory.part(0, kRequests / 2 * kRoom);
            const bool pinned = pin && reader_->pin(half);
            std::mt19937_64 random(7);
            std::vector<ReadRequest> requests;
            for (int at = 0; at < kRequests; ++at) {
                const auto bytes = static_cast<std::int64_t>(random() % kRoom + 1) / unit * unit;
                const auto room = static_cast<std::uint64_t>(sample.size() / unit * unit - bytes);
                requests.push_back(
                    {.offset = static_cast<std::int64_t>(random() % (room + 1)) / unit * unit,
                     .to = memory.at(at * kRoom),
                     .bytes = bytes,
                     .tag = random() << 9 | static_cast<std::uint64_t>(at)});
            }
            // Handed in by several calls, with completions taken in between.
            reader_->submit(file, std::span(requests).first(100));
            std::map<std::uint64_t, ReadCompletion> all;
            ReadCompletion one;
            ASSERT_EQ(reader_->take({&one, 1}, true), 1U);
            all[one.tag] = one;
            EXPECT_EQ(reader_->pending(), 99U);
            reader_->submit(file, std::span(requests).subspan(100, 150));
            reader_->submit(file, std::span(requests).subspan(250));
            EXPECT_EQ(reader_->pending(), 299U);
            all.merge(drain());
            ASSERT_EQ(all.size(), requests.size());
            for (const ReadRequest& request : requests) {
                ASSERT_EQ(all.count(request.tag), 1U);
                const ReadCompletion& completion = all[request.tag];
                ASSERT_EQ(completion.error, 0) << std::strerror(completion.error);
                ASSERT_EQ(completion.bytes, request.bytes);
                ASSERT_TRUE(sample.holds(request.offset,
                                         {request.to, static_cast<std::size_t>(request.bytes)}))
                    << request.offset << " + " << request.bytes;
            }
            if (pinned) reader_->unpin(half);
        }
    }
}

TEST_P(AsyncReaderTest, CutsALongRequestAndCompletesItOnce) {
    const SampleFile sample(9 * kMiB + 4096 + 512);
    for (const bool direct : {true, false}) {
        const ReadFile file = open(sample, direct);
        const Pages memory(10 * kMiB);
        for (const std::int64_t bytes : {5 * kMiB + 512, 9 * kMiB, 2 * kMiB - 512}) {
            std::memset(memory.at(0), 0xEE, memory.span().size());
            const ReadCompletion completion =
                read(file, {.offset = 4096, .to = memory.at(0), .bytes = bytes, .tag = 5});
            ASSERT_EQ(completion.error, 0) << std::strerror(completion.error);
            EXPECT_EQ(completion.tag, 5U);
            EXPECT_EQ(completion.bytes, bytes);
            EXPECT_TRUE(sample.holds(4096, memory.part(0, bytes)));
            EXPECT_EQ(*memory.at(bytes), std::byte{0xEE});  // not a byte more
        }
    }
}

TEST_P(AsyncReaderTest, StopsWhereTheFileEnds) {
    for (const std::int64_t size : {std::int64_t{1}, std::int64_t{5000}, kMiB + 777, 2 * kMiB}) {
        const SampleFile sample(size);
        for (const bool direct : {true, false}) {
            SCOPED_TRACE(fmt::format("{} bytes, direct {}", size, direct));
            const ReadFile file = open(sample, direct);
            const std::int64_t begin = std::max<std::int64_t>(size / 4096 * 4096 - 65536, 0);
            const Pages memory(kMiB);
            const ReadCompletion last =
                read(file, {.offset = begin, .to = memory.at(0), .bytes = kMiB, .tag = 1});
            EXPECT_EQ(last.error, 0) << std::strerror(last.error);
            EXPECT_EQ(last.bytes, size - begin);
            EXPECT_TRUE(sample.holds(begin, memory.part(0, last.bytes)));
            const ReadCompletion beyond =
                read(file, {.offset = 8 * kMiB, .to = memory.at(0), .bytes = 4096, .tag = 2});
            EXPECT_EQ(beyond.error, 0);
            EXPECT_EQ(beyond.bytes, 0);
        }
    }
}

TEST_P(AsyncReaderTest, NoticesAFileThatShrinks) {
    for (const bool direct : {true, false}) {
        const SampleFile sample(3 * kMiB);
        const ReadFile file = open(sample, direct);
        const std::int64_t left = kMiB + 100;
        ASSERT_EQ(::truncate(sample.path().c_str(), left), 0);
        const Pages memory(3 * kMiB);
        const ReadCompletion all =
            read(file, {.offset = 0, .to = memory.at(0), .bytes = 3 * kMiB, .tag = 3});
        EXPECT_EQ(all.error, 0) << std::strerror(all.error);
        EXPECT_EQ(all.bytes, left);
        EXPECT_TRUE(sample.holds(0, memory.part(0, left)));
        const Status status = file.unchanged();
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::io);
        EXPECT_THAT(status.error().message, HasSubstr("has shrunk from 3145728 to 1048676 bytes"));
    }
}

TEST_P(AsyncReaderTest, SaysThatADescriptorIsGone) {
    const SampleFile sample(kMiB);
    const ReadFile file = open(sample, true);
    ::close(file.descriptor());
    const Pages memory(kMiB);
    const ReadCompletion gone =
        read(file, {.offset = 0, .to = memory.at(0), .bytes = kMiB, .tag = 4});
    EXPECT_EQ(gone.error, EBADF);
    EXPECT_EQ(gone.tag, 4U);
    const Status status = file.unchanged();
    ASSERT_FALSE(status);
    EXPECT_THAT(status.error().message, HasSubstr("was its disk removed?"));
    // The number is closed once more when `file` goes, and must not be somebody else's by then.
    const int other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (other != file.descriptor()) {
        ::dup2(other, file.descriptor());
        ::close(other);
    }
    // What has failed does not stand in the way of what follows.
    const ReadFile again = open(sample, true);
    EXPECT_EQ(read(again, {.offset = 0, .to = memory.at(0), .bytes = kMiB, .tag = 5}).bytes, kMiB);
    EXPECT_TRUE(sample.holds(0, memory.part(0, kMiB)));
}

TEST_P(AsyncReaderTest, FailsOneRequestOfMany) {
    const SampleFile sample(4 * kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(16 * kMiB);
    // Memory that cannot be written to in the middle of the second request.
    ASSERT_EQ(::mprotect(memory.at(5 * kMiB), static_cast<std::size_t>(kMiB), PROT_NONE), 0);
    std::vector<ReadRequest> requests;
    for (std::int64_t at = 0; at < 4; ++at)
        requests.push_back({.offset = 0,
                            .to = memory.at(at * 4 * kMiB),
                            .bytes = 4 * kMiB,
                            .tag = static_cast<std::uint64_t>(at)});
    reader_->submit(file, requests);
    auto all = drain();
    ASSERT_EQ(all.size(), 4U);
    EXPECT_EQ(all[1].error, EFAULT);
    for (const std::uint64_t tag : {0, 2, 3}) {
        EXPECT_EQ(all[tag].error, 0);
        EXPECT_EQ(all[tag].bytes, 4 * kMiB);
        EXPECT_TRUE(
            sample.holds(0, memory.part(static_cast<std::int64_t>(tag) * 4 * kMiB, 4 * kMiB)));
    }
}

TEST_P(AsyncReaderTest, RefusesWhatIsNoRead) {
    const SampleFile sample(kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(kMiB);
    EXPECT_EQ(read(file, {.offset = -4096, .to = memory.at(0), .bytes = 4096}).error, EINVAL);
    EXPECT_EQ(read(file, {.offset = 0, .to = memory.at(0), .bytes = -4096}).error, EINVAL);
    const ReadCompletion nothing = read(file, {.offset = 0, .to = memory.at(0), .bytes = 0});
    EXPECT_EQ(nothing.error, 0);
    EXPECT_EQ(nothing.bytes, 0);
    if (!file.direct()) GTEST_SKIP() << SG_SCRATCH_DIR << " knows no direct reads";
    EXPECT_EQ(read(file, {.offset = 8, .to = memory.at(0), .bytes = 4096}).error, EINVAL);
    EXPECT_EQ(read(file, {.offset = 0, .to = memory.at(8), .bytes = 4096}).error, EINVAL);
    EXPECT_EQ(read(file, {.offset = 0, .to = memory.at(0), .bytes = 4097}).error, EINVAL);
    EXPECT_EQ(sample.pages_cached(), 0);
}

TEST_P(AsyncReaderTest, LeavesThePageCacheAlone) {
    const SampleFile sample(8 * kMiB);
    if (sample.pages_cached() != 0) GTEST_SKIP() << "pages of " << SG_SCRATCH_DIR << " stay";
    const Pages memory(8 * kMiB);
    for (const bool direct : {true, false}) {
        const ReadFile file = open(sample, direct);
        std::vector<ReadRequest> requests;
        for (std::int64_t at = 0; at < 8; ++at)
            requests.push_back({.offset = at * kMiB,
                                .to = memory.at(at * kMiB),
                                .bytes = kMiB,
                                .tag = static_cast<std::uint64_t>(at)});
        reader_->submit(file, requests);
        EXPECT_EQ(drain().size(), 8U);
        EXPECT_TRUE(sample.holds(0, memory.span()));
        EXPECT_EQ(sample.pages_cached(), 0) << "direct " << file.direct();
    }
}

TEST_P(AsyncReaderTest, ReadsFilesThatLiveInMemory) {
    if (::access("/dev/shm", W_OK) != 0) GTEST_SKIP() << "no /dev/shm here";
    const SampleFile sample(2 * kMiB + 5, "/dev/shm");
    const ReadFile file = open(sample, true);
    EXPECT_FALSE(file.direct());
    EXPECT_EQ(file.alignment(), 1);
    const Pages memory(3 * kMiB);
    const ReadCompletion all =
        read(file, {.offset = 3, .to = memory.at(1), .bytes = 3 * kMiB - 1, .tag = 9});
    EXPECT_EQ(all.error, 0);
    EXPECT_EQ(all.bytes, sample.size() - 3);
    EXPECT_TRUE(sample.holds(3, memory.part(1, all.bytes)));
}

TEST_P(AsyncReaderTest, WaitsInItsDestructor) {
    const SampleFile sample(4 * kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(4 * kMiB);
    std::vector<ReadRequest> requests(200);
    for (ReadRequest& request : requests)
        request = {.offset = 0, .to = memory.at(0), .bytes = 4 * kMiB};
    reader_->submit(file, requests);
    reader_.reset();
    // Nobody writes here any more.
    std::memset(memory.at(0), 0x11, memory.span().size());
    ::usleep(20'000);
    for (const std::byte byte : memory.span()) ASSERT_EQ(byte, std::byte{0x11});
}

TEST_P(AsyncReaderTest, TakesWithoutWaiting) {
    const SampleFile sample(4 * kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(4 * kMiB);
    ReadCompletion completion;
    EXPECT_EQ(reader_->take({&completion, 1}, true), 0U);  // nothing to wait for
    const ReadRequest request{.offset = 0, .to = memory.at(0), .bytes = 4 * kMiB, .tag = 6};
    reader_->submit(file, {&request, 1});
    EXPECT_EQ(reader_->take({}, true), 0U);
    while (reader_->take({&completion, 1}, false) == 0) ::usleep(100);
    EXPECT_EQ(completion.tag, 6U);
    EXPECT_EQ(completion.bytes, 4 * kMiB);
    EXPECT_EQ(reader_->pending(), 0U);
    EXPECT_TRUE(sample.holds(0, memory.span()));
}

INSTANTIATE_TEST_SUITE_P(Kinds, AsyncReaderTest, testing::ValuesIn(kinds()),
                         [](const testing::TestParamInfo<Kind>& kind) { return kind.param.name; });

TEST(AsyncReader, BeginsInTheOrderGiven) {
    const SampleFile sample(2 * kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(kMiB);
    // One at a time, so that they end as they begin.
    std::vector<std::unique_ptr<AsyncReader>> readers;
    readers.push_back(std::move(*make_thread_reader(1, 4096)));
    if (auto ring = make_uring_reader(1, 4096)) readers.push_back(std::move(*ring));
    for (const auto& reader : readers) {
        SCOPED_TRACE(reader->name());
        for (std::uint64_t tag = 0; tag < 40; ++tag) {
            const ReadRequest request{.offset = 4096 * static_cast<std::int64_t>(39 - tag),
                                      .to = memory.at(0),
                                      .bytes = 8192,
                                      .tag = tag};
            reader->submit(file, {&request, 1});
        }
        ReadCompletion completion;
        for (std::uint64_t tag = 0; tag < 40; ++tag) {
            ASSERT_EQ(reader->take({&completion, 1}, true), 1U);
            EXPECT_EQ(completion.tag, tag);
        }
    }
}

TEST(AsyncReader, ReadsWithoutPinningWhereMemoryMayNotBeLocked) {
    const SampleFile sample(2 * kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(16 * kMiB);
    EXPECT_EQ(in_child([&] {
                  rlimit limit{.rlim_cur = 64 << 10, .rlim_max = 64 << 10};
                  CHILD_EXPECT(::setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
                  // The limit does not bind root.
                  if (::geteuid() == 0) CHILD_EXPECT(::setresuid(65534, 65534, 65534) == 0);
                  auto reader = make_async_reader("io_uring");
                  if (!reader) return reader.error().code == ErrorCode::unsupported ? 0 : 1;
                  CHILD_EXPECT(!(*reader)->pin(memory.span()));
                  CHILD_EXPECT(!(*reader)->pin(memory.span()));
                  const ReadRequest request{.offset = 0, .to = memory.at(0), .bytes = 2 * kMiB};
                  (*reader)->submit(file, {&request, 1});
                  ReadCompletion completion;
                  CHILD_EXPECT((*reader)->take({&completion, 1}, true) == 1);
                  CHILD_EXPECT(completion.error == 0 && completion.bytes == 2 * kMiB);
                  CHILD_EXPECT(sample.holds(0, memory.part(0, 2 * kMiB)));
                  return 0;
              }),
              0);
}

TEST(AsyncReader, PinsAndForgetsAgain) {
    const SampleFile sample(kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(4 * kMiB);
    auto reader = make_async_reader("io_uring");
    if (!reader) GTEST_SKIP() << reader.error().message;
    if (!(*reader)->pin(memory.span())) GTEST_SKIP() << "memory cannot be pinned here";
    for (int round = 0; round < 3000; ++round) {  // more often than the table has entries
        (*reader)->unpin(memory.span());
        ASSERT_TRUE((*reader)->pin(memory.span()));
    }
    EXPECT_TRUE((*reader)->pin(memory.span()));  // twice is once
    // Unpinned while it is read into.
    const ReadRequest request{.offset = 0, .to = memory.at(kMiB), .bytes = kMiB};
    (*reader)->submit(file, {&request, 1});
    (*reader)->unpin(memory.span());
    ReadCompletion completion;
    ASSERT_EQ((*reader)->take({&completion, 1}, true), 1U);
    EXPECT_EQ(completion.bytes, kMiB);
    EXPECT_TRUE(sample.holds(0, memory.part(kMiB, kMiB)));
    (*reader)->unpin(memory.span());
    EXPECT_FALSE((*reader)->pin({}));
}

TEST(AsyncReader, ReadsWithThreadsWhereThereIsNoRing) {
    EXPECT_EQ(in_child([] {
                  // As containers forbid it.
                  sock_filter program[] = {
                      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
                  };
                  const sock_fprog filter{.len = std::size(program), .filter = program};
                  CHILD_EXPECT(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
                  CHILD_EXPECT(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0);
                  const auto ring = make_async_reader("io_uring");
                  CHILD_EXPECT(!ring && ring.error().code == ErrorCode::unsupported);
                  CHILD_EXPECT(ring.error().message.find("not permitted") != std::string::npos);
                  const auto any = make_async_reader("");
                  CHILD_EXPECT(any && (*any)->name() == "4 threads");
                  return 0;
              }),
              0);
}

TEST(AsyncReader, KnowsItsNames) {
    EXPECT_EQ((*make_async_reader("threads"))->name(), "4 threads");
    const auto unknown = make_async_reader("carrier pigeon");
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
    EXPECT_THAT(unknown.error().message, HasSubstr("'carrier pigeon'; there are"));
}

TEST(ReadFile, SaysWhatIsWrong) {
    const auto missing = ReadFile::open("/no such file");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, ErrorCode::not_found);
    EXPECT_THAT(missing.error().message, HasSubstr("cannot open '/no such file'"));
    const auto folder = ReadFile::open("/");
    ASSERT_FALSE(folder);
    EXPECT_EQ(folder.error().code, ErrorCode::invalid_input);
    const auto device = ReadFile::open("/dev/null");
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().code, ErrorCode::invalid_input);
}

TEST(ReadFile, NoticesWritingAndNotRenaming) {
    const SampleFile sample(kMiB);
    const ReadFile file = open(sample, true);
    const ReadFile buffered = open(sample, false);
    EXPECT_FALSE(buffered.direct());
    {
        const SampleFile other(kMiB / 2);
        ASSERT_EQ(::rename(other.path().c_str(), sample.path().c_str()), 0);
    }
    EXPECT_TRUE(file.unchanged());
    const timespec times[2] = {{.tv_sec = 1, .tv_nsec = 0}, {.tv_sec = 1, .tv_nsec = 0}};
    ASSERT_EQ(::futimens(file.descriptor(), times), 0);
    for (const ReadFile* one : {&file, &buffered}) {
        const Status status = one->unchanged();
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().code, ErrorCode::io);
        EXPECT_THAT(status.error().message, HasSubstr("was written to while it was in use"));
    }
}

TEST(ReadFile, Moves) {
    const SampleFile sample(kMiB);
    const SampleFile other(2 * kMiB);
    ReadFile file = open(sample, true);
    const int descriptor = file.descriptor();
    ReadFile moved = std::move(file);
    EXPECT_EQ(moved.descriptor(), descriptor);
    moved = open(other, true);
    EXPECT_EQ(moved.size(), 2 * kMiB);
    EXPECT_TRUE(moved.unchanged());
}

TEST(FaultyReader, FailsShortensAndDelays) {
    const SampleFile sample(kMiB);
    const ReadFile file = open(sample, true);
    const Pages memory(kMiB);
    FaultyReader reader(std::move(*make_async_reader("")));
    const auto read = [&](std::uint64_t tag) {
        const ReadRequest request{.offset = 0, .to = memory.at(0), .bytes = kMiB, .tag = tag};
        reader.submit(file, {&request, 1});
        ReadCompletion completion;
        EXPECT_EQ(reader.take({&completion, 1}, true), 1U);
        EXPECT_EQ(completion.tag, tag);
        return completion;
    };
    reader.set_rule(FaultyReader::fail_nth(1, EIO));
    EXPECT_EQ(read(100).error, 0);
    EXPECT_EQ(read(101).error, EIO);
    EXPECT_EQ(read(102).error, 0);
    reader.set_rule(FaultyReader::shorten_nth(3, 5000));
    const ReadCompletion cut = read(103);
    EXPECT_EQ(cut.error, 0);
    EXPECT_EQ(cut.bytes, 5000);
    EXPECT_TRUE(sample.holds(0, memory.part(0, 5000)));
    EXPECT_EQ(*memory.at(5000), FaultyReader::kUnread);
    reader.set_rule(FaultyReader::fail_from(4, ENODEV));
    EXPECT_EQ(read(104).error, ENODEV);
    EXPECT_EQ(read(105).error, ENODEV);
    reader.set_rule(FaultyReader::slow(0.05));
    const auto start = std::chrono::steady_clock::now();
    EXPECT_GE(read(106).seconds, 0.05);
    EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(50));
    EXPECT_EQ(reader.requests(), 7);
    EXPECT_EQ(reader.bytes_asked(), 7 * kMiB);
    EXPECT_EQ(reader.pending(), 0U);
}

}  // namespace
}  // namespace starglass
