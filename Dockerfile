# The image of the controllers: the program, the libraries it is linked to,
# root certificates, an account without privileges, and no shell.
#
#   docker build --tag trueup:v0.1.0 .
#
# RUST may name another image with a Rust toolchain on Debian.

ARG RUST=rust:1.95-slim-trixie

FROM ${RUST} AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates cmake gcc libc6-dev make
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package trueup

# Everything that the last stage holds, with the loader and libraries where the
# program looks for them. The C library resolves names by itself.
RUN install -D target/release/trueup /image/usr/local/bin/trueup \
 && for library in $(ldd target/release/trueup | grep -o '/[^ ]*'); do \
      install -D "$library" "/image$library"; \
    done \
 && install -D /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ca-certificates.crt \
 && echo 'hosts: files dns' > /image/etc/nsswitch.conf \
 && echo 'trueup:x:65532:65532::/:/sbin/nologin' > /image/etc/passwd \
 && echo 'trueup:x:65532:' > /image/etc/group \
 && install -d -m 1777 /image/tmp \
 && install -d /data

FROM scratch
COPY --from=build /image /
COPY --from=build --chown=65532:65532 /data /data
USER 65532:65532
EXPOSE 8080 9090
ENTRYPOINT ["/usr/local/bin/trueup"]
CMD ["--help"]
