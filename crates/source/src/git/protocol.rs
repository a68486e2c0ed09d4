//! The conversation with `upload-pack`: capabilities, references, packs.
//!
//! Version 2 of the protocol where the server speaks it, else version 0. Every
//! request stands for itself and ends with `done`, so that one round trip
//! settles what the server still has to send.

use bytes::Bytes;
use gix_hash::ObjectId;

use super::packet::{Packet, push_delimiter, push_flush, push_line};
use super::reference::{RemoteReference, Target};
use super::transport::{PacketStream, ProtocolVersion, Transport, remote_failure};
use crate::error::{Failure, FetchErrorKind};

const AGENT: &str = concat!("agent=trueup/", env!("CARGO_PKG_VERSION"));

/// What the server said first.
#[derive(Debug)]
pub(crate) struct Advertisement {
    pub version: ProtocolVersion,
    capabilities: Vec<String>,
    /// In version 0 all of them; in version 2 they are asked for.
    references: Vec<RemoteReference>,
}

/// What to fetch and what is there already.
#[derive(Debug, Default, Clone)]
pub(crate) struct PackRequest {
    pub wants: Vec<ObjectId>,
    pub haves: Vec<ObjectId>,
    /// Commits here whose parents are not.
    pub shallow: Vec<ObjectId>,
    pub history: History,
}

/// How much of the past comes along.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum History {
    /// The commit alone.
    #[default]
    TipOnly,
    /// All of it.
    Full,
}

/// A pack on its way.
#[derive(Debug)]
pub(crate) struct PackStream {
    packets: PacketStream,
    first: Option<Bytes>,
    /// Commits that come without their parents.
    pub shallow: Vec<ObjectId>,
}

impl Advertisement {
    fn has(&self, capability: &str) -> bool {
        self.capabilities.iter().any(|one| one == capability)
    }

    /// The words of `name=word word` or `name=word:word`.
    fn offers(&self, name: &str, word: &str) -> bool {
        self.capabilities
            .iter()
            .filter_map(|one| one.split_once('='))
            .any(|(key, words)| key == name && words.split(' ').any(|one| one == word))
    }

    fn serves_shallow(&self) -> bool {
        match self.version {
            ProtocolVersion::Two => self.offers("fetch", "shallow"),
            ProtocolVersion::Zero => self.has("shallow"),
        }
    }

    fn check(self) -> Result<Self, Failure> {
        let format = self
            .capabilities
            .iter()
            .find_map(|one| one.strip_prefix("object-format="));
        if format.is_some_and(|format| format != "sha1") {
            return Err(Failure::new(
                FetchErrorKind::Unsupported { field: "spec.url" },
                "the repository uses SHA-256 for its object ids, which is not served yet",
            ));
        }
        Ok(self)
    }
}

/// Opens the conversation.
pub(crate) async fn advertise(
    transport: &mut Transport,
    max_bytes: u64,
) -> Result<Advertisement, Failure> {
    let mut packets = transport.advertise(max_bytes).await?;
    let mut first = packets.require().await?;
    if first.line() == Some("# service=git-upload-pack") {
        packets.require().await?;
        first = packets.require().await?;
    }
    if first.line() == Some("version 2") {
        let mut capabilities = Vec::new();
        while let packet @ Packet::Data(_) = packets.require().await? {
            capabilities.push(packet.line().unwrap_or_default().to_owned());
        }
        return Advertisement {
            version: ProtocolVersion::Two,
            capabilities,
            references: Vec::new(),
        }
        .check();
    }
    if first.line() == Some("version 1") {
        first = packets.require().await?;
    }
    old_advertisement(first, &mut packets).await?.check()
}

async fn old_advertisement(
    mut packet: Packet,
    packets: &mut PacketStream,
) -> Result<Advertisement, Failure> {
    let mut capabilities = Vec::new();
    let mut references = Vec::new();
    while let Packet::Data(_) = packet {
        let line = packet.any_line().ok_or_else(malformed_reference)?;
        let (reference, words) = line.split_once('\0').unwrap_or((&line, ""));
        capabilities.extend(words.split_whitespace().map(str::to_owned));
        add_old_reference(reference, &mut references)?;
        packet = packets.require().await?;
    }
    Ok(Advertisement {
        version: ProtocolVersion::Zero,
        capabilities,
        references,
    })
}

/// Annotated tags have a second line with the commit: `refs/tags/v1^{}`.
fn add_old_reference(line: &str, references: &mut Vec<RemoteReference>) -> Result<(), Failure> {
    if line.starts_with("shallow ") {
        return Ok(());
    }
    let (id, name) = line.split_once(' ').ok_or_else(malformed_reference)?;
    let id = object_id(id)?;
    if name == "capabilities^{}" {
        return Ok(());
    }
    match (name.strip_suffix("^{}"), references.last_mut()) {
        (Some(tag), Some(last)) if last.name == tag => last.peeled = Some(id),
        (Some(_), _) => return Err(malformed_reference()),
        (None, _) => references.push(RemoteReference {
            name: name.to_owned(),
            id,
            peeled: None,
        }),
    }
    Ok(())
}

/// The references that may concern the target.
pub(crate) async fn list_references(
    transport: &Transport,
    advertisement: &Advertisement,
    target: &Target,
    max_bytes: u64,
) -> Result<Vec<RemoteReference>, Failure> {
    if advertisement.version == ProtocolVersion::Zero {
        return Ok(advertisement.references.clone());
    }
    let mut body = Vec::new();
    push_line(&mut body, "command=ls-refs");
    push_line(&mut body, AGENT);
    push_delimiter(&mut body);
    push_line(&mut body, "peel");
    for prefix in target.prefixes() {
        push_line(&mut body, &format!("ref-prefix {prefix}"));
    }
    push_flush(&mut body);
    let mut packets = transport
        .request(body, advertisement.version, max_bytes)
        .await?;
    let mut references = Vec::new();
    while let packet @ Packet::Data(_) = packets.require().await? {
        let line = packet.any_line().ok_or_else(malformed_reference)?;
        references.extend(listed_reference(&line)?);
    }
    Ok(references)
}

/// `<id> <name> [peeled:<id>]`; a reference without a commit yet is `unborn`.
fn listed_reference(line: &str) -> Result<Option<RemoteReference>, Failure> {
    let mut words = line.split(' ');
    let (Some(id), Some(name)) = (words.next(), words.next()) else {
        return Err(malformed_reference());
    };
    if id == "unborn" {
        return Ok(None);
    }
    let peeled = words.find_map(|word| word.strip_prefix("peeled:"));
    Ok(Some(RemoteReference {
        name: name.to_owned(),
        id: object_id(id)?,
        peeled: peeled.map(object_id).transpose()?,
    }))
}

/// Asks for a pack.
pub(crate) async fn fetch(
    transport: &Transport,
    advertisement: &Advertisement,
    request: &PackRequest,
    max_bytes: u64,
) -> Result<PackStream, Failure> {
    let request = &PackRequest {
        history: match advertisement.serves_shallow() {
            true => request.history,
            false => History::Full,
        },
        ..request.clone()
    };
    let body = match advertisement.version {
        ProtocolVersion::Two => fetch_command(request),
        ProtocolVersion::Zero => old_fetch(advertisement, request)?,
    };
    let packets = transport
        .request(body, advertisement.version, max_bytes)
        .await?;
    match advertisement.version {
        ProtocolVersion::Two => pack_of_command(packets).await,
        ProtocolVersion::Zero => old_pack(packets).await,
    }
}

fn fetch_command(request: &PackRequest) -> Vec<u8> {
    let mut body = Vec::new();
    push_line(&mut body, "command=fetch");
    push_line(&mut body, AGENT);
    push_delimiter(&mut body);
    for word in ["thin-pack", "no-progress", "ofs-delta"] {
        push_line(&mut body, word);
    }
    push_wants_and_depth(&mut body, request, "");
    push_haves(&mut body, request);
    push_flush(&mut body);
    body
}

fn old_fetch(advertisement: &Advertisement, request: &PackRequest) -> Result<Vec<u8>, Failure> {
    if !advertisement.has("side-band-64k") {
        return Err(Failure::protocol(
            "the server is too old: it lacks side-band-64k",
        ));
    }
    let mut words = String::from(" side-band-64k");
    for word in ["thin-pack", "no-progress", "ofs-delta"] {
        if advertisement.has(word) {
            words.push(' ');
            words.push_str(word);
        }
    }
    words.push(' ');
    words.push_str(AGENT);
    let mut body = Vec::new();
    push_wants_and_depth(&mut body, request, &words);
    push_flush(&mut body);
    push_haves(&mut body, request);
    Ok(body)
}

fn push_wants_and_depth(body: &mut Vec<u8>, request: &PackRequest, first_words: &str) {
    for (at, want) in request.wants.iter().enumerate() {
        let words = if at == 0 { first_words } else { "" };
        push_line(body, &format!("want {want}{words}"));
    }
    for shallow in &request.shallow {
        push_line(body, &format!("shallow {shallow}"));
    }
    if request.history == History::TipOnly {
        push_line(body, "deepen 1");
    }
}

fn push_haves(body: &mut Vec<u8>, request: &PackRequest) {
    for have in &request.haves {
        push_line(body, &format!("have {have}"));
    }
    push_line(body, "done");
}

async fn pack_of_command(mut packets: PacketStream) -> Result<PackStream, Failure> {
    let mut shallow = Vec::new();
    loop {
        let packet = packets.require().await?;
        match packet.line() {
            Some("packfile") => {
                return Ok(PackStream {
                    packets,
                    first: None,
                    shallow,
                });
            }
            Some(line) => shallow.extend(shallow_line(line)?),
            None if packet == Packet::Delimiter => {}
            None => return Err(Failure::protocol("the server sent no pack")),
        }
    }
}

/// In version 0 nothing announces the pack: it starts with the first packet of
/// a band.
async fn old_pack(mut packets: PacketStream) -> Result<PackStream, Failure> {
    let mut shallow = Vec::new();
    loop {
        let packet = packets.require().await?;
        let Packet::Data(data) = &packet else {
            continue;
        };
        if data.first().is_some_and(|band| (1..=3).contains(band)) {
            let first = Some(data.clone());
            return Ok(PackStream {
                packets,
                first,
                shallow,
            });
        }
        shallow.extend(shallow_line(packet.line().unwrap_or_default())?);
    }
}

fn shallow_line(line: &str) -> Result<Option<ObjectId>, Failure> {
    line.strip_prefix("shallow ").map(object_id).transpose()
}

impl PackStream {
    /// The next bytes of the pack, `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let mut data = match self.first.take() {
                Some(first) => first,
                None => match self.packets.next().await? {
                    Some(Packet::Data(data)) => data,
                    Some(_) => return Ok(None),
                    None => return Err(Failure::protocol("the pack was cut off")),
                },
            };
            if data.is_empty() {
                continue;
            }
            let band = data.split_to(1)[0];
            match band {
                1 => return Ok(Some(data)),
                2 => {}
                _ => return Err(remote_failure(&String::from_utf8_lossy(&data))),
            }
        }
    }

    /// How many bytes of the answer came so far.
    pub(crate) fn received_bytes(&self) -> u64 {
        self.packets.received_bytes()
    }
}

fn object_id(text: &str) -> Result<ObjectId, Failure> {
    ObjectId::from_hex(text.as_bytes()).map_err(|_| malformed_reference())
}

fn malformed_reference() -> Failure {
    Failure::protocol("the server's list of references is malformed")
}
