"""
A pretrained ACT policy of LeRobot as a graph of ILW, and what LeRobot itself makes of inputs.

``side.py`` calls it, in the environment of LeRobot 0.4.4.
"""

import io
import os
from pathlib import Path
import tempfile
from typing import Any
import warnings

from lerobot.configs.policies import PreTrainedConfig
from lerobot.policies.act.modeling_act import ACTPolicy
from lerobot.processor import (
    NormalizerProcessorStep,
    PolicyProcessorPipeline,
    RenameObservationsProcessorStep,
    UnnormalizerProcessorStep,
)
from lerobot.processor.converters import (
    policy_action_to_transition,
    transition_to_policy_action,
)
from lerobot.utils.constants import ACTION, OBS_ENV_STATE, OBS_STATE
import numpy as np
import torch
from torch import Tensor, nn


class PlainAttention(nn.Module):
    """What ``nn.MultiheadAttention`` computes, with each length a number of the graph."""

    def __init__(self, of: nn.MultiheadAttention) -> None:
        super().__init__()
        self.weights, self.biases = of.in_proj_weight.chunk(3), of.in_proj_bias.chunk(3)
        self.heads, self.out = of.num_heads, of.out_proj

    def forward(self, query: Tensor, key: Tensor, value: Tensor, **_: None) -> tuple[Tensor, None]:
        """Return ``(Tq, B, D)`` of ``(T, B, D)`` each; no token is padding."""
        q, k, v = map(self._in_heads, (query, key, value), self.weights, self.biases)
        seen = (q @ k.transpose(2, 3) / int(q.shape[3]) ** 0.5).softmax(3) @ v  # (B, H, Tq, D / H)
        return self.out(seen.permute(2, 0, 1, 3).flatten(2)), None

    def _in_heads(self, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        length, _, width = map(int, tokens.shape)
        inside = nn.functional.linear(tokens, weight, bias)
        return inside.reshape(length, -1, self.heads, width // self.heads).permute(1, 2, 0, 3)


class ActGraph(nn.Module):
    """
    LeRobot's inference for any number of observations at once: what its processors do, and ``ACT``
    with a latent of zeros.

    ``ACT.forward`` makes tensors as large as the batch is, and torch's attention divides whole
    numbers: no graph of ILW may. The same layers are called here in the same order, and what
    comes of it is compared with what LeRobot gives.

    :param vectors: feature of the data set -> numbers of the flat observation.
    :param cameras: feature of the data set -> entry of the contract, whose images come after the
        observation in this order.
    """

    def __init__(self, policy: ACTPolicy, before: Any, after: Any,
                 vectors: dict[str, list[int]], cameras: dict[str, str]) -> None:
        super().__init__()
        self.act, self.config = policy.model, policy.config
        self._before, self._after = before.steps, after.steps
        self._vectors = {key: torch.tensor(rows) for key, rows in vectors.items()}
        self._cameras = cameras
        self._positions: dict[str, Tensor] = {}  # of each camera's cells, (H * W, 1, D)

    def batch(self, obs: Tensor, *images: Tensor) -> dict[str, Tensor]:
        """Return what LeRobot's preprocessor is given, of (B, 1, Do) and (B, 1, H, W, C) uint8."""
        given = {key: obs[:, 0].index_select(1, rows) for key, rows in self._vectors.items()}
        for key, image in zip(self._cameras, images, strict=True):
            seen = image[:, 0].permute(0, 3, 1, 2).to(torch.float32) / 255.0  # (B, C, H, W)
            given[key] = torch.cat([seen] * 3, dim=1) if seen.shape[1] == 1 else seen
        return given

    def forward(self, obs: Tensor, *images: Tensor) -> Tensor:
        """Return the actions of a chunk in the contract's units, (B, Ta, Da)."""
        batch = self.batch(obs, *images)
        for step in self._before:
            if isinstance(step, RenameObservationsProcessorStep):
                batch = step.observation(batch)
            elif isinstance(step, NormalizerProcessorStep):
                batch = step._normalize_observation(batch, inverse=False)
        actions = self._actions(batch)
        for step in self._after:
            if isinstance(step, UnnormalizerProcessorStep):
                actions = step._normalize_action(actions, inverse=True)
        return actions

    def _actions(self, batch: dict[str, Tensor]) -> Tensor:
        act, config = self.act, self.config
        # The sum of nothing: a zero for each observation, whatever is seen.
        zero = next(iter(batch.values())).flatten(1)[:, :0].sum(1, keepdim=True)  # (B, 1)
        tokens = [act.encoder_latent_input_proj(zero + torch.zeros(1, config.latent_dim))]
        if config.robot_state_feature:
            tokens.append(act.encoder_robot_state_input_proj(batch[OBS_STATE]))
        if config.env_state_feature:
            tokens.append(act.encoder_env_state_input_proj(batch[OBS_ENV_STATE]))
        seen = [torch.stack(tokens)]  # (tokens, B, D)
        places = [act.encoder_1d_feature_pos_embed.weight.unsqueeze(1)]
        for key in config.image_features:
            cells = act.encoder_img_feat_input_proj(act.backbone(batch[key])['feature_map'])
            seen.append(cells.flatten(2).permute(2, 0, 1))
            places.append(self._positions[key])
        place = torch.cat(places)
        queries = zero.reshape(1, -1, 1) + torch.zeros(config.chunk_size, 1, config.dim_model)
        out = act.decoder(queries, act.encoder(torch.cat(seen), pos_embed=place),
                          encoder_pos_embed=place,
                          decoder_pos_embed=act.decoder_pos_embed.weight.unsqueeze(1))
        return act.action_head(out.transpose(0, 1))

    def place_cells(self, batch: dict[str, Tensor]) -> None:
        """Compute where the cells of each camera are, which no observation changes."""
        for key in self.config.image_features:
            cells = self.act.backbone(batch[key][:1])['feature_map']
            self._positions[key] = self.act.encoder_cam_feat_pos_embed(cells).flatten(2).permute(
                2, 0, 1)


def act_graph(root: Path, inputs: list[np.ndarray], vectors: dict[str, list[int]],
              cameras: dict[str, str]) -> tuple[bytes, np.ndarray]:
    """
    Return the graph, and the chunks that LeRobot itself gives, ``(N, Ta, Da)``.

    :param root: a folder that ``save_pretrained`` wrote, processors and all.
    :param inputs: ``(N, 1, Do)`` float32, then ``(N, 1, H, W, C)`` uint8 of each camera.
    """
    tempfile.tempdir = os.environ['HF_HOME']  # LeRobot leaves copies of its configuration there
    config = PreTrainedConfig.from_pretrained(root)
    config.device, config.pretrained_backbone_weights = 'cpu', None  # the weights are in the file
    policy = ACTPolicy.from_pretrained(root, config=config, strict=True).requires_grad_(False)
    before = PolicyProcessorPipeline.from_pretrained(
        root, 'policy_preprocessor.json', overrides={'device_processor': {'device': 'cpu'}})
    after = PolicyProcessorPipeline.from_pretrained(
        root, 'policy_postprocessor.json', to_transition=policy_action_to_transition,
        to_output=transition_to_policy_action)
    module = ActGraph(policy, before, after, vectors, cameras).eval()
    given = [torch.from_numpy(each) for each in inputs]
    with torch.no_grad():
        batch = before(module.batch(*given))
        batch.setdefault(OBS_STATE, torch.zeros(len(given[0]), 0))  # asked for its device, always
        chunks = after(policy.predict_action_chunk(batch)).numpy()
        module.place_cells(batch)
        for layer in (*policy.model.encoder.layers, *policy.model.decoder.layers):
            for name, each in layer.named_children():
                if isinstance(each, nn.MultiheadAttention):
                    setattr(layer, name, PlainAttention(each))
    names, file = ['observation', *cameras.values()], io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter('ignore')
        torch.onnx.export(module, tuple(each[:1] for each in given), file, dynamo=False,
                          input_names=names, output_names=[ACTION],
                          dynamic_axes={name: {0: 'B'} for name in (*names, ACTION)})
    return file.getvalue(), chunks
