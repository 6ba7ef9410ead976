# The image of the gateway: one binary on a glibc base without a shell, run by a user that is nobody else.
#
#   docker build -t portcullis .          or  make image  (which also works without an engine; docs/deployment.md)
#
# The bases can be replaced: both by any image of the same C library, the first with Rust and a C compiler in it.
ARG BUILD_IMAGE=docker.io/library/rust:1.95-slim-bookworm
ARG RUN_IMAGE=gcr.io/distroless/cc-debian12:nonroot

FROM ${BUILD_IMAGE} AS build
WORKDIR /src

# Line numbers are four fifths of the binary; the names of functions, for a backtrace, stay.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo

# The dependencies first, from the manifests alone: a change of our own sources leaves this layer as it is.
# rust-toolchain.toml is not copied: the base has the compiler, and rustup would fetch another.
COPY Cargo.toml Cargo.lock ./
COPY .cargo .cargo
RUN mkdir src benches \
 && echo 'fn main() {}' > src/main.rs \
 && touch src/lib.rs \
 && sed -n '/^\[\[bench/,/^$/ s|^name = "\([a-z_]*\)"$|benches/\1.rs|p' Cargo.toml > benches/names \
 && xargs touch < benches/names \
 && cargo build --locked --release --lib

# What is copied can be older than the empty files above, and cargo compares times.
COPY migrations migrations
COPY src src
RUN touch src/lib.rs src/main.rs \
 && cargo build --locked --release --bin portcullis

FROM ${RUN_IMAGE}

ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Portcullis" \
      org.opencontainers.image.description="The gate in front of your APIs: one binary that decides who may pass, and forwards only what it has let through." \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

# Owned by root: the user that runs it cannot change it.
COPY --from=build /src/target/release/portcullis /usr/local/bin/portcullis

# By number, so that an orchestrator can see that it is not root (`runAsNonRoot`).
USER 65532:65532

# Read by `run` and by `health`. No configuration is in the image: routes nobody asked for would be a silent default,
# so without one it exits with 78.
ENV PORTCULLIS_CONFIG=/etc/portcullis/portcullis.yaml

# By convention only: what is listened to is what the configuration says.
EXPOSE 8080 9901

HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
  CMD ["/usr/local/bin/portcullis", "health"]

ENTRYPOINT ["/usr/local/bin/portcullis"]
CMD ["run"]
