//! The kinds of single values: what may be typed where a number, a duration, an address or a name is wanted. Each file
//! holds one kind with its decoder and its description; none knows which setting it is used for.

mod addresses;
mod collections;
mod files;
mod dates;
mod headers;
mod hosts;
mod numbers;
mod paths;
mod protocols;
mod rates;
mod sockets;
mod stores;
mod text;
mod time;
pub(crate) mod words;

pub(crate) use addresses::{Address, Network, network};
pub(crate) use collections::{List, Map};
pub(crate) use dates::{Date, date};
pub(crate) use files::{Certificates, Folder};
pub(crate) use headers::HeaderText;
pub(crate) use hosts::{Host, is_host_name};
pub(crate) use numbers::{Number, Size};
pub(crate) use paths::{Path, literal_segments, needs};
pub(crate) use rates::{Rate, rate};
pub(crate) use sockets::{Place, TrustedPeer, socket_path};
pub(crate) use stores::StorePlace;
pub(crate) use text::{ChosenName, SecretText, Written};
pub(crate) use time::{Time, duration};
pub(crate) use words::words;

#[cfg(test)]
mod tests {
    use crate::config::authenticators::Kinds;
    use crate::config::environment::Given;
    use crate::config::faults::{Code, Findings};
    use crate::config::reader;
    use crate::config::settings::{Decoding, Setting};

    fn decode<T: Setting>(yaml: &str) -> Result<T, (Code, String)> {
        let machine = Given::nothing().with_variable("SEVEN", "7");
        let mut findings = Findings::of("test.yaml");
        let node = reader::read(yaml, &mut findings);
        let made =
            node.and_then(|node| T::decode(&node, &mut Decoding::new(&machine, &mut findings, Kinds::default())));
        findings.close(made).map(|(value, ..)| value).map_err(|faults| {
            let fault = faults.iter().next().unwrap();
            (fault.code, fault.message.clone())
        })
    }

    pub(super) fn decoded<T: Setting>(yaml: &str) -> T {
        decode(yaml).unwrap_or_else(|fault| panic!("{yaml}: {fault:?}"))
    }

    pub(super) fn refused_with<T: Setting>(yaml: &str) -> (Code, String) {
        match decode::<T>(yaml) {
            Ok(_) => panic!("{yaml} was taken"),
            Err(fault) => fault,
        }
    }

    pub(super) fn refused<T: Setting>(yaml: &str) -> Code {
        refused_with::<T>(yaml).0
    }
}
